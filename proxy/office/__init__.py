"""The books of the desk that change: for now the API keys. Every change is noted in the ledger."""
