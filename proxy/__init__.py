"""The desk: the HTTP door, the callers, the providers, and the mission in one function (pipeline.py)."""
