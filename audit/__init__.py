"""The ledger: append-only records of every exchange, their proof, and their readers."""
