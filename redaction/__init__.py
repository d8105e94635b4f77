"""THE MASK: personal data found in texts, hidden behind placeholders, and put back.

Pure but for the detector.
"""
