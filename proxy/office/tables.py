"""The office's tables as Python sees them: one of the two doors to SQLAlchemy. They change; the ledger notes each change.

    people            who may use AI, from when to when, approved by whom
    postings          部・課 of a person from a day on; the history is kept
    trainings         which course was completed for which 年度
    acknowledgements  which version of the rules was accepted, and when
    reviews, reviewed the quarterly access reviews: who is to keep their access, decided by whom
    keys              API keys and OIDC clients: whose, or which tool's
    stops             what `sekisho stop` halted
    confirmations     what waits for a person's consent, and what was consented to
    checks            who checked a text that AI helped to write, before it was used
    quotas            limits: whose, of what, how much for each minute, day, month or 年度
    counters          how much of a limit is used, and reserved by exchanges under way
    held, processes   which process reserved how much of it, and when it was last seen alive
    cursors           how far each follower of the ledger has come, and which process follows for it
    tallies, tallied  what the alerts have counted on their way, and which things of those that count once
    emergencies       when 災害モード lifts the limits: proposed by one person, approved by another

How they come to be is migrations/; a test holds them equal to what the migrations make. Dates are text,
``2026-04-01`` (JST); moments are text in UTC, ``2026-11-23T05:21:00Z``.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Connection,
    Engine,
    Float,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    bindparam,
    create_engine,
    event,
    false,
    make_url,
    select,
)
from sqlalchemy.exc import ArgumentError, IntegrityError, SQLAlchemyError
from sqlalchemy.pool import QueuePool

__all__ = [
    "ArgumentError",
    "Connection",
    "Engine",
    "IntegrityError",
    "QueuePool",
    "SQLAlchemyError",
    "acknowledgements",
    "bindparam",
    "checks",
    "confirmations",
    "counters",
    "create_engine",
    "cursors",
    "emergencies",
    "event",
    "held",
    "keys",
    "make_url",
    "metadata",
    "people",
    "postings",
    "processes",
    "quotas",
    "reviewed",
    "reviews",
    "select",
    "stops",
    "tallied",
    "tallies",
    "trainings",
]

metadata = MetaData()

people = Table(
    "people",
    metadata,
    Column("id", String, primary_key=True),  # 職員番号, or what a robot is called
    Column("name", String, nullable=False),  # empty where nobody needs it
    Column("kind", String, nullable=False),  # staff, contractor, robot
    Column("role", String, nullable=False),
    Column("starts", String, nullable=False),
    Column("ends", String, nullable=True),  # the last day; None: until told otherwise
    Column("approved_by", String, nullable=True),  # None: applied for, and not approved yet
    Column("approved_at", String, nullable=True),
    Column("consented", Boolean, nullable=False, server_default=false()),  # a contractor's prior consent
    Column("owner", String, nullable=True),  # who answers for a robot, or for a contractor
    Column("entered_at", String, nullable=False),
    Column("entered_by", String, nullable=False),
)

postings = Table(
    "postings",
    metadata,
    Column("person", String, primary_key=True),
    Column("since", String, primary_key=True),
    Column("department", String, nullable=False),
    Column("section", String, nullable=False),
)

trainings = Table(
    "trainings",
    metadata,
    Column("person", String, primary_key=True),
    Column("course", String, primary_key=True),  # dx, security
    Column("fiscal_year", Integer, primary_key=True),  # 2026 is 令和8年度: 2026-04-01 to 2027-03-31
    Column("completed_on", String, nullable=False),
)

acknowledgements = Table(
    "acknowledgements",
    metadata,
    Column("person", String, primary_key=True),
    Column("rules", String, primary_key=True),  # the version of the rules
    Column("at", String, nullable=False),
)

keys = Table(
    "keys",
    metadata,
    Column("id", String, primary_key=True),
    Column("hash", String, nullable=True, unique=True),  # HMAC-SHA256 under the house's secret, hex
    Column("oidc_client", String, nullable=True, unique=True),  # instead of a key: the tool's client id
    Column("person", String, nullable=True),  # None: a tool's key; the token or a header says who it is
    Column("tool", String, nullable=False),
    Column("department", String, nullable=False),  # of the tool: whose it is
    Column("section", String, nullable=False),
    Column("may_assert_user", Boolean, nullable=False),
    Column("addresses", String, nullable=False),  # comma-separated networks that are believed
    Column("purpose", String, nullable=True),
    Column("category", String, nullable=False),
    Column("confidentiality_class", String, nullable=True),
    Column("unknown_fields", String, nullable=False, server_default="refuse"),
    Column("mask_reply_names", Boolean, nullable=False, server_default=false()),
    Column("audience", String, nullable=False, server_default="staff"),  # whom the tool's answers reach
    Column("append_notices", Boolean, nullable=False, server_default=false()),
    Column("starts", String, nullable=True),
    Column("ends", String, nullable=True),  # the last day
    Column("approved_by", String, nullable=True),
    Column("created_at", String, nullable=False),
    Column("created_by", String, nullable=False),
    Column("revoked_at", String, nullable=True),
    Column("drill", String, nullable=True),  # the drill that it takes part in
    Column("drill_until", String, nullable=True),  # and until when at the latest
)

stops = Table(
    "stops",
    metadata,
    Column("id", String, primary_key=True),
    Column("kind", String, nullable=False),  # house, model, section, tool
    Column("name", String, nullable=False),  # with * and ?; empty for the house
    Column("reason", String, nullable=False),
    Column("by", String, nullable=False),
    Column("at", String, nullable=False),
    Column("resumed_at", String, nullable=True),
    Column("resumed_by", String, nullable=True),
    Column("noted_at", String, nullable=True),  # None: the ledger does not have it yet
    Column("claimed", Float, nullable=True),  # seconds since 1970: since when somebody is about to note it
)

checks = Table(
    "checks",
    metadata,
    Column("id", String, primary_key=True),
    Column("exchange", String, nullable=False),  # the answer that was used
    Column("document", String, nullable=False),  # what it became: a title or a number of a document
    Column("external", Boolean, nullable=False),  # it leaves the hall, so that two persons check it
    Column("first_by", String, nullable=False),
    Column("first_at", String, nullable=False),
    Column("second_by", String, nullable=True),
    Column("second_at", String, nullable=True),
)

quotas = Table(
    "quotas",
    metadata,
    Column("id", String, primary_key=True),
    Column("scope", String, nullable=False),  # house, person, section, tool, model
    Column("name", String, nullable=False),  # with * and ?, each name for itself; empty for the house
    Column("measure", String, nullable=False),  # requests, tokens, yen
    Column("period", String, nullable=False),  # minute, day, month, year
    Column("amount", BigInteger, nullable=True),  # None: only counted
    Column("actor", String, nullable=False),  # whom it counts: people, staff, contractor, robot, everyone
    Column("starts", String, nullable=True),
    Column("ends", String, nullable=True),  # the last day
    Column("reason", String, nullable=False),
    Column("set_by", String, nullable=False),
    Column("set_at", String, nullable=False),
    Column("ended_at", String, nullable=True),
    Column("ended_by", String, nullable=True),
)

counters = Table(
    "counters",
    metadata,
    Column("quota", String, primary_key=True),
    Column("subject", String, primary_key=True),  # whose counter, folded; empty for the house
    Column("period", String, primary_key=True),  # 2026-11-23T14:21, 2026-11-23, 2026-11, 2026 (年度), in JST
    Column("used", BigInteger, nullable=False),  # yen in millionths
    Column("reserved", BigInteger, nullable=False),  # by exchanges under way: the sum of what is held
    Column("most", BigInteger, nullable=True),  # the limit, as it was last reserved against
    CheckConstraint("used >= 0 AND reserved >= 0"),
)

held = Table(
    "held",
    metadata,
    Column("process", String, primary_key=True),
    Column("quota", String, primary_key=True),
    Column("subject", String, primary_key=True),
    Column("period", String, primary_key=True),
    Column("reserved", BigInteger, nullable=False),
)

processes = Table(
    "processes",
    metadata,
    Column("id", String, primary_key=True),
    Column("heartbeat", Float, nullable=False),  # seconds since 1970, by the clock of the database
    Column("boot", String, nullable=False),  # which process of which machine: audit/leases.py
    Column("namespace", String, nullable=False),
    Column("pid", Integer, nullable=False),
    Column("born", String, nullable=False),
)

cursors = Table(
    "cursors",
    metadata,
    Column("name", String, primary_key=True),
    Column("position", String, nullable=True),  # JSON: how far each chain was read; None: it has not begun
    Column("holder", String, nullable=True),  # the process that follows
    Column("seen", Float, nullable=False),  # its last sign: seconds since 1970, by the clock of the database
    Column("trouble", String, nullable=True),  # a code; None while it goes well
)

tallies = Table(
    "tallies",
    metadata,
    Column("rule", String, primary_key=True),
    Column("subject", String, primary_key=True),  # whose: a person, a model, …; empty for the house
    Column("period", String, primary_key=True),  # 2026-11-23T14, 2026-11-23, 2026-11 (JST), empty for ever
    Column("count", BigInteger, nullable=False),
    Column("alert", String, nullable=True),  # the last alert that was raised of it
    Column("raised_at", String, nullable=True),
    Column("recent", String, nullable=False, server_default="[]"),  # JSON: the newest exchanges of it
)

tallied = Table(
    "tallied",
    metadata,
    Column("rule", String, primary_key=True),
    Column("subject", String, primary_key=True),
    Column("period", String, primary_key=True),
    Column("item", String, primary_key=True),  # a placeholder's last letters, a model: what is counted once
)

emergencies = Table(
    "emergencies",
    metadata,
    Column("id", String, primary_key=True),
    Column("reason", String, nullable=False),
    Column("until", String, nullable=False),
    Column("proposed_by", String, nullable=False),
    Column("proposed_at", String, nullable=False),
    Column("approved_by", String, nullable=True),  # None: proposed only, lifts nothing
    Column("approved_at", String, nullable=True),
    Column("ended_by", String, nullable=True),
    Column("ended_at", String, nullable=True),
    CheckConstraint("approved_by IS NULL OR approved_by <> proposed_by"),
)

confirmations = Table(
    "confirmations",
    metadata,
    Column("id", String, primary_key=True),
    Column("state", String, nullable=False),  # pending, granted, refused, used, revoked, expired
    Column("person", String, nullable=False),  # who asked
    Column("key_id", String, nullable=False),  # with which key
    Column("tool", String, nullable=False),
    Column("department", String, nullable=False),  # of who asked, on that day
    Column("section", String, nullable=False),
    Column("exchange", String, nullable=False),  # the request that was stopped
    Column("rules", String, nullable=False),  # JSON: the decisive rules, each with its fingerprint
    Column("found", String, nullable=False),  # JSON: types and how many, no value
    Column("category", String, nullable=False),
    Column("model", String, nullable=False),
    Column("consenter", String, nullable=False),  # self, section_head, csirt, section_head+csirt
    Column("secret", String, nullable=True),  # key of the HMACs, hex; None once it is dead
    Column(
        "units", String, nullable=True
    ),  # JSON: HMAC-SHA256 of each unit it covers, hex; None once it is dead
    Column("asked_at", String, nullable=False),
    Column("deadline", String, nullable=False),  # until then it can be granted
    Column("given", String, nullable=False),  # JSON: who consented so far, as what, when and why
    Column("fresh_until", String, nullable=True),  # granted: until then it opens the way
    Column("used_at", String, nullable=True),
    Column("used_by", String, nullable=True),  # the exchange that passed
    Column("known_until", String, nullable=True),  # used: until then its units are not asked about again
    Column("ended_at", String, nullable=True),  # refused, revoked, expired
    Column("ended_by", String, nullable=True),
    Index("confirmations_of", "person", "key_id"),
)

reviews = Table(
    "reviews",
    metadata,
    Column("id", String, primary_key=True),
    Column("begun_at", String, nullable=False),
    Column("begun_by", String, nullable=False),
)

reviewed = Table(
    "reviewed",
    metadata,
    Column("review", String, primary_key=True),
    Column("person", String, primary_key=True),
    Column("department", String, nullable=False),  # where they belonged as it began
    Column("section", String, nullable=False),
    Column("decision", String, nullable=True),  # keep, revoke; None: not decided yet
    Column("decided_by", String, nullable=True),
    Column("decided_at", String, nullable=True),
    CheckConstraint("decided_by IS NULL OR decided_by <> person"),
)
