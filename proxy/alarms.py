"""Alarms: what a policy wants somebody to look at. Recorded with the exchange; here it is told to the operations log.

    {"event": "alarm", "level": "warning", "rule": "P-16", "exchange": "01KCQ2Z5XBQ6M1V0J9R8T7C4WD"}

Never says what was asked. Delivers nothing: whoever watches the log does.
"""

import structlog

from policies.model import Verdict

log = structlog.get_logger()


def sound(verdict: Verdict, exchange: str) -> None:
    """One warning for each rule that alarms; ``error.…`` where the policy could not decide."""
    for rule in verdict.alarms:
        log.warning("alarm", rule=rule, exchange=exchange)
