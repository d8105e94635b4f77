"""When people are not expected at work: by night, and on days when the hall is closed. In Japan. Pure."""

from dataclasses import dataclass, field
from datetime import datetime, time

from audit.incidents.closed import Calendar
from audit.months import JST


@dataclass(frozen=True, slots=True)
class Hours:
    """``night_from`` to ``night_until``, over midnight where it is the later one. ``closed_days``: whether the closed days of
    the ``calendar`` count as well, the same on which nobody takes a report."""

    night_from: time = time(22)
    night_until: time = time(5)
    closed_days: bool = True
    calendar: Calendar = field(default_factory=Calendar)

    def unusual(self, at: datetime) -> bool:
        """Whether somebody who is at work at this moment is so at an unusual time."""
        local = at.astimezone(JST)
        if self._by_night(local.time()):
            return True
        return self.closed_days and self.calendar.why(local.date()) is not None

    def _by_night(self, at: time) -> bool:
        if self.night_from <= self.night_until:
            return self.night_from <= at < self.night_until
        return at >= self.night_from or at < self.night_until
