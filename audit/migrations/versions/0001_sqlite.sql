-- Schema 1, as released with 0.1.0. Never edit: ledgers in city halls were made by these very words.

CREATE TABLE records (
    writer TEXT NOT NULL,
    idx INTEGER NOT NULL,
    at TEXT NOT NULL,
    kind TEXT NOT NULL,
    exchange TEXT,
    turn INTEGER,  -- 1 asked, 2 any ending; with UNIQUE below: one of each per exchange
    body TEXT NOT NULL,
    text_commitment TEXT,
    prev TEXT NOT NULL,
    hash TEXT NOT NULL,
    PRIMARY KEY (writer, idx),
    CONSTRAINT one_question_one_ending UNIQUE (exchange, turn),
    CONSTRAINT kind_fits_turn_and_exchange CHECK (
        (kind = 'asked' AND turn = 1 AND exchange IS NOT NULL)
        OR (kind IN ('answered', 'refused', 'failed', 'abandoned', 'lost') AND turn = 2 AND exchange IS NOT NULL)
        OR (kind IN ('viewed', 'noted') AND turn IS NULL AND exchange IS NULL)),
    CONSTRAINT chains_count_from_one CHECK (idx >= 1),
    CONSTRAINT chains_start_at_zeros CHECK (
        idx > 1 OR prev = '0000000000000000000000000000000000000000000000000000000000000000'),
    CONSTRAINT hashes_are_sha256 CHECK (length(hash) = 64 AND length(prev) = 64)
) STRICT;

CREATE INDEX records_by_time ON records (at, writer, idx);

CREATE TABLE texts (
    writer TEXT NOT NULL,
    idx INTEGER NOT NULL,
    salt TEXT NOT NULL,
    text TEXT NOT NULL,
    PRIMARY KEY (writer, idx),
    FOREIGN KEY (writer, idx) REFERENCES records (writer, idx),
    CONSTRAINT salts_are_32_bytes CHECK (length(salt) = 64)
) STRICT;

CREATE TABLE notes (
    number INTEGER NOT NULL,
    at TEXT NOT NULL,
    note TEXT NOT NULL,
    PRIMARY KEY (number)
) STRICT;

CREATE TABLE leases (
    writer TEXT NOT NULL,
    boot TEXT NOT NULL,
    namespace TEXT NOT NULL,
    pid INTEGER NOT NULL,
    born TEXT NOT NULL,
    started TEXT NOT NULL,
    until TEXT NOT NULL,
    open_from INTEGER NOT NULL,
    ended TEXT,
    PRIMARY KEY (writer)
) STRICT;

-- What nobody can do to the ledger through SQL, whatever program asks. SQLite's dialect.
-- Somebody who owns the file can drop these; then the chains and the signed notes tell.

CREATE TRIGGER records_are_never_changed BEFORE UPDATE ON records BEGIN
    SELECT RAISE(ABORT, 'a record is never changed');
END;

CREATE TRIGGER records_are_never_deleted BEFORE DELETE ON records BEGIN
    SELECT RAISE(ABORT, 'a record is never deleted');
END;

CREATE TRIGGER notes_are_never_changed BEFORE UPDATE ON notes BEGIN
    SELECT RAISE(ABORT, 'a note is never changed');
END;

CREATE TRIGGER notes_are_never_deleted BEFORE DELETE ON notes BEGIN
    SELECT RAISE(ABORT, 'a note is never deleted');
END;

-- A text may be erased when its time is over (its record stays), but never rewritten.
CREATE TRIGGER texts_are_never_changed BEFORE UPDATE ON texts BEGIN
    SELECT RAISE(ABORT, 'a text is never changed');
END;

-- Whoever writes holds a lease. A writer that was declared gone cannot come back under its old name.
CREATE TRIGGER a_record_needs_a_living_writer BEFORE INSERT ON records
WHEN NOT EXISTS (SELECT 1 FROM leases WHERE writer = NEW.writer AND ended IS NULL)
BEGIN
    SELECT RAISE(ABORT, 'a record needs a writer that holds a lease');
END;

-- Chains have no gaps and no forks: the next index, on top of the last hash. "Nothing is there yet" is
-- said as well, because REPLACE removes what is in its way without asking the triggers above.
CREATE TRIGGER a_record_follows_the_last_one BEFORE INSERT ON records
WHEN EXISTS (SELECT 1 FROM records WHERE writer = NEW.writer AND idx >= NEW.idx)
OR (NEW.idx > 1 AND NOT EXISTS (
    SELECT 1 FROM records WHERE writer = NEW.writer AND idx = NEW.idx - 1 AND hash = NEW.prev))
BEGIN
    SELECT RAISE(ABORT, 'a record follows the last one of its writer');
END;

CREATE TRIGGER an_exchange_has_one_question_and_one_ending BEFORE INSERT ON records
WHEN EXISTS (SELECT 1 FROM records WHERE exchange = NEW.exchange AND turn = NEW.turn)
BEGIN
    SELECT RAISE(ABORT, 'an exchange has one question and one ending');
END;

CREATE TRIGGER a_record_has_one_text BEFORE INSERT ON texts
WHEN EXISTS (SELECT 1 FROM texts WHERE writer = NEW.writer AND idx = NEW.idx)
BEGIN
    SELECT RAISE(ABORT, 'a record has one text');
END;

CREATE TRIGGER an_ending_needs_its_question BEFORE INSERT ON records
WHEN NEW.turn = 2 AND NOT EXISTS (SELECT 1 FROM records WHERE exchange = NEW.exchange AND turn = 1)
BEGIN
    SELECT RAISE(ABORT, 'an ending needs its asked record');
END;

CREATE TRIGGER a_note_follows_the_last_one BEFORE INSERT ON notes
WHEN NEW.number <> (SELECT coalesce(max(number), 0) + 1 FROM notes)
BEGIN
    SELECT RAISE(ABORT, 'a note follows the last one');
END;
