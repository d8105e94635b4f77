-- Schema 2: retention. A chain whose time is over may go, whole; sealed originals have a place; an ending
-- lies in the chain of its question, so that an exchange is kept, verified and removed in one piece.

-- Whose records or texts may be removed. Written in the same transaction as the removal (retention.py),
-- after a signed note has called the chain purged. A row here is permission, not evidence.
CREATE TABLE erasures (
    writer TEXT NOT NULL,
    what TEXT NOT NULL,
    at TEXT NOT NULL,
    PRIMARY KEY (writer, what),
    CONSTRAINT what_may_be_erased CHECK (what IN ('records', 'texts'))
) STRICT;

CREATE TABLE original_keys (
    id TEXT NOT NULL,
    conversation TEXT NOT NULL,
    wrapped TEXT NOT NULL,
    until TEXT NOT NULL,
    PRIMARY KEY (id)
) STRICT;

CREATE TABLE originals (
    writer TEXT NOT NULL,
    idx INTEGER NOT NULL,
    key_id TEXT NOT NULL,
    sealed TEXT NOT NULL,
    PRIMARY KEY (writer, idx)
) STRICT;

CREATE INDEX originals_by_key ON originals (key_id);

CREATE TRIGGER erasures_are_never_changed BEFORE UPDATE ON erasures BEGIN
    SELECT RAISE(ABORT, 'an erasure is never changed');
END;

CREATE TRIGGER erasures_are_never_deleted BEFORE DELETE ON erasures BEGIN
    SELECT RAISE(ABORT, 'an erasure is never deleted');
END;

DROP TRIGGER records_are_never_deleted;

CREATE TRIGGER records_are_never_deleted BEFORE DELETE ON records
WHEN NOT EXISTS (SELECT 1 FROM erasures WHERE writer = OLD.writer AND what = 'records')
BEGIN
    SELECT RAISE(ABORT, 'a record is never deleted');
END;

CREATE TRIGGER texts_are_never_deleted BEFORE DELETE ON texts
WHEN NOT EXISTS (SELECT 1 FROM erasures WHERE writer = OLD.writer)
BEGIN
    SELECT RAISE(ABORT, 'a text is not deleted before its time');
END;

-- Where a text may be deleted it may be blanked first: of what it only deletes SQLite leaves copies in the file.
DROP TRIGGER texts_are_never_changed;

CREATE TRIGGER texts_are_never_changed BEFORE UPDATE ON texts
WHEN trim(NEW.text) <> '' OR trim(NEW.salt, '0') <> '' OR (NEW.writer, NEW.idx) IS NOT (OLD.writer, OLD.idx)
OR NOT EXISTS (SELECT 1 FROM erasures WHERE writer = OLD.writer)
BEGIN
    SELECT RAISE(ABORT, 'a text is never changed');
END;

CREATE TRIGGER originals_are_never_changed BEFORE UPDATE ON originals BEGIN
    SELECT RAISE(ABORT, 'a sealed original is never changed');
END;

-- The same holds for a wrapped key.
CREATE TRIGGER original_keys_are_never_changed BEFORE UPDATE ON original_keys
WHEN trim(NEW.wrapped) <> ''
OR (NEW.id, NEW.conversation, NEW.until) IS NOT (OLD.id, OLD.conversation, OLD.until)
BEGIN
    SELECT RAISE(ABORT, 'a wrapped key is never changed');
END;

DROP TRIGGER an_ending_needs_its_question;

CREATE TRIGGER an_ending_needs_its_question BEFORE INSERT ON records
WHEN NEW.turn = 2 AND NOT EXISTS (
    SELECT 1 FROM records WHERE exchange = NEW.exchange AND turn = 1 AND writer = NEW.writer)
BEGIN
    SELECT RAISE(ABORT, 'an ending needs its asked record in the same chain');
END;
