"""Alerts: what somebody has to be told of, found in the records as they come in. Pure; nothing here reads or sends.

hits     what a record counts towards, by which rule (rules.py)
counted  what the tallies then hold, and which alerts are raised (counting.py)
raised   the alerts there were and who has taken them on, out of the ledger's records (raised.py)
"""
