"""Alerts in a running house: read how they are wanted (terms), count (counter), look by the clock (watch), tell (channels)."""
