"""HTTP of the office and of what the ledger tells staff: no exchange passes here."""
