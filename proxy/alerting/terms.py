"""How alerts are wanted: what ships (audit/alerts/default.yaml), changed by the city's own file (setting SEKISHO_ALERTS).

    terms = terms_of(settings)     raises PolicyError with every complaint: file, line, what is wrong, what to do

Read as policies are (policies/files.py), once, at start. The city's file holds only what it changes.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, Field

import audit.alerts
from audit.alerts.hours import Hours
from audit.alerts.model import PERIODS, SEVERITIES, SEVERITY_WORDS, Rule
from audit.alerts.rules import RULES
from audit.alerts.thresholds import Thresholds, Verification
from audit.incidents.closed import Calendar, read_calendar
from policies.complaints import (
    Words,
    not_text,
    unknown,
    unquoted,
)
from policies.document import Document
from policies.files import read, read_yaml
from policies.schema import Strict, wrong
from proxy.alerting.channels import KINDS, Channel
from proxy.outlets.named import each_of
from proxy.settings import Settings

NO_MORE_DAYS = Calendar()
DEFAULT = Path(audit.alerts.__file__).parent / "default.yaml"


@dataclass(frozen=True, slots=True)
class Terms:
    """What is raised, and where it is told."""

    thresholds: Thresholds
    channels: tuple[Channel, ...] = ()


def terms_of(settings: Settings) -> Terms:
    """The terms of a house. Raises PolicyError, and ValueError for a calendar that is none."""
    calendar = read_calendar(settings.closed_days)
    if settings.alerts is None:
        return parse(None, calendar=calendar)
    return parse(read(settings.alerts), str(settings.alerts), calendar)


def parse(content: bytes | str | None, file: str = "alerts.yaml", calendar: Calendar = NO_MORE_DAYS) -> Terms:
    """What ships, changed by this file where there is one; the city's closed days. Raises PolicyError."""
    shipped = read_yaml(read(DEFAULT), DEFAULT.name).checked(AlertsForm, {})
    if content is None or not _says_something(content):
        return _made(shipped, AlertsForm(), (), calendar)
    document = read_yaml(content, file)
    return _made(shipped, document.checked(AlertsForm, {}), _channels(document), calendar)


def _says_something(content: bytes | str) -> bool:
    """A file of comments alone changes nothing, and is a good place to begin."""
    text = content if isinstance(content, str) else content.decode("utf-8", "replace")
    return any(line.strip() and not line.lstrip().startswith("#") for line in text.splitlines())


def _made(
    shipped: "AlertsForm", own: "AlertsForm", channels: tuple[Channel, ...], calendar: Calendar
) -> Terms:
    rules = {}
    for id, named in RULES.items():
        said = {**_said(shipped.rules.get(id)), **_said(own.rules.get(id))}
        rules[id] = Rule(
            id,
            named.ja,
            named.en,
            named.whose,
            said["severity"],
            said["period"],
            said["threshold"],
            said["window"],
            said["enabled"],
            named.distinct,
            named.scale,
        )
    hours = {**_said(shipped.hours), **_said(own.hours)}
    yen = {**_said(shipped.budget), **_said(own.budget)}["month_yen"]
    looks = {**_said(shipped.verification), **_said(own.verification)}
    at_work = Hours(hours["night_from"], hours["night_until"], hours["closed_days"], calendar)
    return Terms(
        Thresholds(
            rules, at_work, Decimal(yen) if yen else None, Verification(looks["every"], looks["whole_at"])
        ),
        channels,
    )


def _said(form: "BaseModel | None") -> dict[str, Any]:
    """What a form says, as its validators made it; not what it leaves out."""
    return {name: getattr(form, name) for name in form.model_fields_set} if form else {}


def _channels(document: Document) -> tuple[Channel, ...]:
    """The channels, each by the form of its kind. Raises PolicyError with what is wrong in all of them."""
    listed = document.data.get("channels", []) if isinstance(document.data, dict) else []
    forms = {name: kind.form for name, kind in KINDS.items()}
    one, kind = Words("知らせる先", "channels"), Words("知らせ方", "kind of channel")
    return tuple(
        Channel(form.name, KINDS[form.kind], form)
        for form in each_of(document, "channels", listed, forms, one, kind)
    )


# ── the form of the file ─────────────────────────────────────────────────────────────────────────


def _duration(value: str) -> timedelta:
    found = re.fullmatch(r"(0|[1-9][0-9]{0,3})([mhd])", value)
    if not found:
        raise wrong(
            Words(
                f"「{value}」は長さとして読めません。10m(分)、6h(時間)、30d(日)のように書きます。",
                f"'{value}' is no length of time; write it like 10m, 6h or 30d.",
            )
        )
    unit = {"m": "minutes", "h": "hours", "d": "days"}[found[2]]
    return timedelta(**{unit: int(found[1])})


def _a_minute(value: timedelta) -> timedelta:
    if value < timedelta(minutes=1):
        raise wrong(Words("1m(一分)以上にしてください。", "make it 1m or longer."))
    return value


def _clock(value: str) -> time:
    if not re.fullmatch(r"([01][0-9]|2[0-3]):[0-5][0-9]", value):
        raise wrong(
            Words(
                f'「{value}」は時刻として読めません。"22:00" のように、引用符を付けて書きます。',
                f"'{value}' is no time of day; write it like \"22:00\", in quotes.",
            )
        )
    return time.fromisoformat(value)


def _among(what: Words, known: tuple[str, ...], words: Mapping[str, str]) -> AfterValidator:
    def check(value: str) -> str:
        if value not in known:
            raise wrong(unknown(what, value, known, words))
        return value

    return AfterValidator(check)


_VALUE = Words("値", "value")
_Severity = Annotated[str, _among(_VALUE, SEVERITIES, dict(SEVERITY_WORDS))]
_Period = Annotated[
    str, _among(_VALUE, PERIODS, {"hour": "時間", "day": "日", "month": "月", "ever": "ずっと"})
]
_RuleId = Annotated[
    str, _among(Words("規則の番号", "rule"), tuple(RULES), {id: one.ja for id, one in RULES.items()})
]
_Duration = Annotated[Any, AfterValidator(lambda value: _text(value, _duration))]
_Clock = Annotated[Any, AfterValidator(lambda value: _text(value, _clock))]


def _text(value: Any, made: Any) -> Any:
    if not isinstance(value, str):
        raise wrong(unquoted(value) if isinstance(value, int | bool) else not_text())
    return made(value)


class RuleForm(Strict):
    """What a city says of one rule; what it leaves out stays as it ships."""

    enabled: bool = True
    severity: _Severity = "medium"
    period: _Period = "day"
    threshold: int = Field(1, ge=1)
    window: _Duration = timedelta(0)


class HoursForm(Strict):
    """When people are not expected at work."""

    night_from: _Clock = time(22)
    night_until: _Clock = time(5)
    closed_days: bool = True


class BudgetForm(Strict):
    """What may be spent."""

    month_yen: int = Field(0, ge=0)


class VerificationForm(Strict):
    """How often the ledger is checked."""

    every: Annotated[_Duration, AfterValidator(lambda value: _a_minute(value))] = timedelta(minutes=10)
    whole_at: _Clock = time(2, 30)


class AlertsForm(Strict):
    """A file of alerts. ``channels`` are read one by one, each by the form of its kind."""

    rules: dict[_RuleId, RuleForm] = Field(default_factory=dict)
    hours: HoursForm = Field(default_factory=HoursForm)
    budget: BudgetForm = Field(default_factory=BudgetForm)
    verification: VerificationForm = Field(default_factory=VerificationForm)
    channels: list[Any] = Field(default_factory=list)
