"""The book of people: who may use AI, where they belong, what they have learnt and accepted.

Nothing is written over that a record may have relied on: a transfer adds a posting, the end of an enrolment is a
date. Everything here waits for the store; a running process looks through `Register`.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, fields
from datetime import UTC, date, datetime
from typing import Any

from proxy.office.roster import Page, Person, Posting, Training
from proxy.office.store import Office


class PersonExists(Exception):
    """Somebody of this id is in the book already."""


class PeopleBook:
    """The people of one office; the tables are imported here."""

    def __init__(self, office: Office) -> None:
        from proxy.office import tables

        self._office = office
        self._tables = tables

    # ── reading ──────────────────────────────────────────────────────────────────────────────────

    def page(self, id: str) -> Page | None:
        """Everything about one person; None where nobody is called so."""
        return next(self.pages([id]), None)

    def pages(self, ids: Iterable[str] | None = None) -> Iterator[Page]:
        """Everything about these persons, or about all, in the order of their ids. One look at one moment."""
        wanted = None if ids is None else list(ids)
        with self._office.reading() as connection:

            def rows(table: Any, column: Any) -> list[dict[str, Any]]:
                found = self._tables.select(table)
                if wanted is not None:
                    found = found.where(column.in_(wanted))
                return [dict(row) for row in connection.execute(found).mappings()]

            t = self._tables
            people = rows(t.people, t.people.c.id)
            postings = _by_person(rows(t.postings, t.postings.c.person))
            trainings = _by_person(rows(t.trainings, t.trainings.c.person))
            accepted = _by_person(rows(t.acknowledgements, t.acknowledgements.c.person))
        for row in sorted(people, key=lambda row: str(row["id"])):
            id = row["id"]
            yield Page(
                _person(row),
                tuple(sorted((_posting(one) for one in postings.get(id, ())), key=lambda one: one.since)),
                tuple(_training(one) for one in trainings.get(id, ())),
                tuple(one["rules"] for one in sorted(accepted.get(id, ()), key=lambda one: str(one["at"]))),
            )

    # ── changing ─────────────────────────────────────────────────────────────────────────────────

    def enter(self, page: Page) -> None:
        """A new person with everything the page says. Raises `PersonExists`."""
        self.enter_all([page])

    def enter_all(self, pages: Iterable[Page]) -> None:
        """Several at once, all or none. Raises `PersonExists` with the first id that is taken."""
        with self._office.changing() as connection:
            self._enter(connection, list(pages))

    def bring_in(
        self,
        pages: Iterable[Page],
        changes: Iterable[tuple[str, Mapping[str, Any], Posting | None]],
    ) -> None:
        """New persons, and new values and a new posting of others: all of it or nothing. Raises `PersonExists`."""
        people = self._tables.people
        of: Any = self._tables.bindparam("of")
        postings: list[tuple[str, Posting]] = []
        alike: dict[tuple[str, ...], list[dict[str, Any]]] = {}
        for id, values, posting in changes:
            if values:
                stored = {name: _stored(value) for name, value in values.items()}
                alike.setdefault(tuple(sorted(stored)), []).append({"of": id, **stored})
            if posting is not None:
                postings.append((id, posting))
        with self._office.changing() as connection:
            self._enter(connection, list(pages))
            for rows in alike.values():  # in April a whole city changes at once
                connection.execute(people.update().where(people.c.id == of), rows)
            self._post(connection, postings)

    def put(self, page: Page) -> None:
        """The page as it is now the only one of this person; what was there before is forgotten."""
        t = self._tables
        with self._office.changing() as connection:
            for table in (t.postings, t.trainings, t.acknowledgements):
                connection.execute(table.delete().where(table.c.person == page.person.id))
            connection.execute(t.people.delete().where(t.people.c.id == page.person.id))
            self._enter(connection, [page])

    def approve(self, id: str, by: str) -> bool:
        """The 所属長 approves. False where nobody applies under this id."""
        people = self._tables.people
        return self._change(
            people.update()
            .where(people.c.id == id, people.c.approved_by.is_(None))
            .values(approved_by=by, approved_at=moment())
        )

    def change(self, id: str, **values: Any) -> bool:
        """New values of a person's own fields: ``ends``, ``role``, ``name``, ``consented``, ``owner``, ``starts``."""
        people = self._tables.people
        stored = {name: _stored(value) for name, value in values.items()}
        return self._change(people.update().where(people.c.id == id).values(**stored))

    def transfer(self, id: str, posting: Posting) -> None:
        """From a day on the person belongs there. A posting of the same day is replaced."""
        with self._office.changing() as connection:
            self._post(connection, [(id, posting)])

    def train(self, trained: Iterable[tuple[str, Training]]) -> None:
        """Completions of several persons, all or none; one that is known already is left as it is."""
        with self._office.changing() as connection:
            self._train(connection, list(trained))

    def accept(self, id: str, rules: str, at: str | None = None) -> None:
        """The person accepts a version of the rules; the first time counts."""
        with self._office.changing() as connection:
            self._accept(connection, id, rules, at or moment())

    def _enter(self, connection: Any, pages: Sequence[Page]) -> None:
        """Each kind of row in one statement: a city has thousands of people."""
        t, at = self._tables, moment()
        known = t.select(t.people.c.id).where(t.people.c.id.in_([page.person.id for page in pages]))
        if (taken := connection.execute(known).scalar()) is not None:
            raise PersonExists(taken)
        postings = [_posted(page.person.id, one) for page in pages for one in page.postings]
        accepted = [
            {"person": page.person.id, "rules": rules, "at": at}
            for page in pages
            for rules in page.acknowledged
        ]
        try:
            self._insert(connection, t.people, [_row(page.person) for page in pages])
        except t.IntegrityError:
            raise PersonExists("twice, or in this moment") from None
        self._insert(connection, t.postings, postings)
        self._insert(connection, t.acknowledgements, accepted)
        self._train(connection, [(page.person.id, one) for page in pages for one in page.trainings])

    def _insert(self, connection: Any, table: Any, rows: Sequence[Mapping[str, Any]]) -> None:
        if rows:
            connection.execute(table.insert(), rows)

    def _post(self, connection: Any, posted: Sequence[tuple[str, Posting]]) -> None:
        postings, bind = self._tables.postings, self._tables.bindparam
        rows = [_posted(id, posting) for id, posting in posted]
        if rows:
            same = (postings.c.person == bind("of"), postings.c.since == bind("on"))
            days = [{"of": row["person"], "on": row["since"]} for row in rows]
            connection.execute(postings.delete().where(*same), days)
        self._insert(connection, postings, rows)

    def _train(self, connection: Any, trained: Sequence[tuple[str, Training]]) -> None:
        """What is known already is left as it is; of several for the same year, the first counts."""
        trainings = self._tables.trainings
        found = self._tables.select(trainings).where(trainings.c.person.in_({id for id, _ in trained}))
        known = {(row.person, row.course, row.fiscal_year) for row in connection.execute(found)}
        rows = {
            key: {
                "person": id,
                "course": one.course,
                "fiscal_year": one.fiscal_year,
                "completed_on": one.completed_on.isoformat(),
            }
            for id, one in reversed(trained)
            if (key := (id, one.course, one.fiscal_year)) not in known
        }
        self._insert(connection, trainings, list(rows.values()))

    def _accept(self, connection: Any, id: str, rules: str, at: str) -> None:
        self._once(connection, self._tables.acknowledgements, {"person": id, "rules": rules}, {"at": at})

    def _once(self, connection: Any, table: Any, key: Mapping[str, Any], rest: Mapping[str, Any]) -> None:
        """Insert, unless it is there."""
        known = self._tables.select(table).where(*(table.c[name] == value for name, value in key.items()))
        if connection.execute(known).first() is None:
            connection.execute(table.insert(), {**key, **rest})

    def _change(self, statement: Any) -> bool:
        with self._office.changing() as connection:
            return bool(connection.execute(statement).rowcount)


def moment() -> str:
    """Now, in UTC to the second, as the books have it."""
    return datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _by_person(rows: Iterable[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        found.setdefault(row["person"], []).append(row)
    return found


def _stored(value: Any) -> Any:
    return value.isoformat() if isinstance(value, date) else value


def _posted(id: str, posting: Posting) -> dict[str, Any]:
    return {
        "person": id,
        "since": posting.since.isoformat(),
        "department": posting.department,
        "section": posting.section,
    }


def _row(person: Person) -> dict[str, Any]:
    row = {name: _stored(value) for name, value in asdict(person).items()}
    return row | {"entered_at": person.entered_at or moment()}


def _person(row: Mapping[str, Any]) -> Person:
    values = {one.name: row[one.name] for one in fields(Person)}
    days = {name: _day(row[name]) for name in ("starts", "ends")}
    return Person(**values | days | {"consented": bool(row["consented"])})


def _posting(row: Mapping[str, Any]) -> Posting:
    return Posting(date.fromisoformat(row["since"]), row["department"], row["section"])


def _training(row: Mapping[str, Any]) -> Training:
    return Training(row["course"], row["fiscal_year"], date.fromisoformat(row["completed_on"]))


def _day(text: str | None) -> date | None:
    return None if text is None else date.fromisoformat(text)
