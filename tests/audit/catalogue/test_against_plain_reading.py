"""Whatever is asked of a city's quarter, the catalogue gives what reading every exchange would give, page after page."""

import random
from collections.abc import Callable, Iterator
from dataclasses import fields
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from audit.address import Address
from audit.catalogue.card import Card, card_of
from audit.catalogue.finding import Look, looking
from audit.catalogue.grams import folded, holds
from audit.catalogue.question import Question, Reach
from audit.catalogue.severity import SEVERITIES
from audit.model import Record
from audit.months import Month
from audit.names import moment
from tests.benchmarks.city import Exchange, exchanges, fill

SEED, FIRST, MONTHS, COUNT = 7, Month(2026, 4), 3, 400
Known = list[tuple[Card, Exchange]]


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def city(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Address:
    if request.param == "sqlite":
        place = Address(tmp_path_factory.mktemp("city") / "ledger.sqlite")
    else:
        server = request.getfixturevalue("postgres")
        place = Address(url=server.url(server.database()))
    fill(place, SEED, FIRST, MONTHS, COUNT)
    return place


@pytest.fixture
def look(city: Address) -> Iterator[Look]:
    with looking(city) as look:
        yield look


@pytest.fixture(scope="module")
def known() -> Known:
    """Every exchange with its card, newest first."""
    found = []
    for one in exchanges(SEED, FIRST, MONTHS, COUNT):
        import json

        asked = Record("w", 1, moment(one.at), "asked", one.id, json.dumps(one.asked), None, "")
        ending = Record("w", 2, moment(one.ended_at), one.kind, one.id, json.dumps(one.ending), None, "")  # type: ignore[arg-type]
        found.append((card_of(asked, one.asked_text, ending), one))
    return sorted(found, key=lambda pair: (pair[0].at, pair[0].exchange), reverse=True)


def fits(question: Question, card: Card, exchange: Exchange) -> bool:
    """As plainly as can be."""
    for name in (one.name for one in fields(Question)):
        wanted = getattr(question, name)
        if wanted in (None, (), (None, None)) or name in ("with_tests", "reviewed"):
            continue
        if name == "words":
            texts = [text for text in (exchange.asked_text, exchange.answer_text) if text]
            if not all(any(holds(text, folded(word)) for text in texts) for word in wanted):
                return False
        elif name in ("since", "until"):
            if (card.at >= moment(wanted)) is not (name == "since"):
                return False
        elif name in ("tokens", "yen"):
            value, (least, most) = getattr(card, name), wanted
            if value is None or (least is not None and value < least) or (most is not None and value > most):
                return False
        elif name in ("rule", "entity", "alarm"):
            if (name, wanted) not in card.tags:
                return False
        elif name == "severity":
            if card.severity < SEVERITIES.index(wanted):
                return False
        elif getattr(card, name) != wanted:
            return False
    return True


def questions(chance: random.Random, known: Known, many: int) -> Iterator[Question]:
    """Questions that somebody's exchange answers, most of them several's."""
    columns = (
        "section",
        "department",
        "tool",
        "model",
        "category",
        "confidentiality",
        "verdict",
        "outcome",
        "person",
    )
    for _ in range(many):
        card, exchange = chance.choice(known)
        asked: dict[str, Any] = {
            name: getattr(card, name) for name in chance.sample(columns, chance.randrange(3))
        }
        if card.tags and chance.random() < 0.3:
            kind, name = chance.choice(sorted(card.tags))
            asked[kind] = name
        if chance.random() < 0.7:
            words = folded(exchange.asked["category"] + exchange.asked_text)
            start, length = chance.randrange(30, 60), chance.choice((2, 2, 2, 3, 5))
            word = words[start : start + length].strip()
            asked["words"] = (
                (word,) if len(word) > 1 and " " not in word and word in folded(exchange.asked_text) else ()
            )
        if chance.random() < 0.3:
            asked["since"] = datetime.fromisoformat(chance.choice(known)[0].at)
        if chance.random() < 0.3:
            asked["until"] = datetime.fromisoformat(chance.choice(known)[0].at)
        if chance.random() < 0.2:
            asked["severity"] = chance.choice(SEVERITIES)
        if chance.random() < 0.2:
            asked["tokens"] = (chance.randrange(900), None)
        yield Question(**asked)


@pytest.mark.requirement("R48")
@pytest.mark.parametrize(
    "many", [60, pytest.param(2_000, marks=[pytest.mark.long, pytest.mark.timeout(900)])]
)
def test_what_is_found_is_what_is_there(look: Look, known: Known, many: int) -> None:
    answered = 0
    for question in questions(random.Random(3), known, many):
        wanted = [card.exchange for card, exchange in known if fits(question, card, exchange)]
        found, cursor, total = [], None, None
        while total is None or cursor:
            page = look.search(question, Reach.everything(), 7, cursor)
            found += [card["exchange"] for card in page.cards]
            total, cursor = page.total, page.cursor
            if len(found) > 30:
                break
        assert found == wanted[: len(found)] and (cursor or len(found) == len(wanted)), question
        assert total == len(wanted), question
        answered += bool(wanted)
    assert answered > many / 3


def test_the_city_is_the_same_at_every_run_and_its_ledger_is_sound(city: Address, tmp_path: Path) -> None:
    from tests.audit.ledgers import kinds, verified

    assert verified(city).ok
    assert kinds(city)["asked"] == COUNT
    again: Callable[[], list[Exchange]] = lambda: list(exchanges(SEED, FIRST, MONTHS, COUNT))  # noqa: E731
    assert again() == again()
