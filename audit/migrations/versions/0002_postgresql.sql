-- Schema 2, the first one in PostgreSQL (14 or newer). The same laws as in SQLite, in plpgsql.
--
-- records and texts are partitioned by the writer's name, which begins with the moment its chain began: one
-- partition per month in Japan (stores/postgresql.py makes them). A chain lies in one partition as a whole.
-- COLLATE "C": names and moments are ordered by their bytes, as everywhere else in the house.

CREATE TABLE records (
    writer text COLLATE "C" NOT NULL,
    idx bigint NOT NULL,
    at text COLLATE "C" NOT NULL,
    kind text NOT NULL,
    exchange text COLLATE "C",
    turn integer,  -- 1 asked, 2 any ending; with UNIQUE below: one of each per exchange and chain
    body text NOT NULL,
    text_commitment text,
    prev text NOT NULL,
    hash text NOT NULL,
    PRIMARY KEY (writer, idx),
    CONSTRAINT one_question_one_ending UNIQUE (exchange, turn, writer),
    CONSTRAINT kind_fits_turn_and_exchange CHECK (
        (kind = 'asked' AND turn = 1 AND exchange IS NOT NULL)
        OR (kind IN ('answered', 'refused', 'failed', 'abandoned', 'lost') AND turn = 2 AND exchange IS NOT NULL)
        OR (kind IN ('viewed', 'noted') AND turn IS NULL AND exchange IS NULL)),
    CONSTRAINT chains_count_from_one CHECK (idx >= 1),
    CONSTRAINT chains_start_at_zeros CHECK (
        idx > 1 OR prev = '0000000000000000000000000000000000000000000000000000000000000000'),
    CONSTRAINT hashes_are_sha256 CHECK (length(hash) = 64 AND length(prev) = 64)
) PARTITION BY RANGE (writer);

CREATE INDEX records_by_time ON records (at, writer, idx);

CREATE TABLE texts (
    writer text COLLATE "C" NOT NULL,
    idx bigint NOT NULL,
    salt text NOT NULL,
    text text NOT NULL,
    PRIMARY KEY (writer, idx),
    CONSTRAINT salts_are_32_bytes CHECK (length(salt) = 64)
) PARTITION BY RANGE (writer);

CREATE TABLE notes (
    number bigint NOT NULL PRIMARY KEY,
    at text COLLATE "C" NOT NULL,
    note text NOT NULL
);

CREATE TABLE leases (
    writer text COLLATE "C" NOT NULL PRIMARY KEY,
    boot text NOT NULL,
    namespace text NOT NULL,
    pid bigint NOT NULL,
    born text NOT NULL,
    started text COLLATE "C" NOT NULL,
    until text COLLATE "C" NOT NULL,
    open_from bigint NOT NULL,
    ended text COLLATE "C"
) WITH (fillfactor = 50);  -- its few rows are renewed all the time; room for that on their own page

-- Whose records or texts may be removed (retention.py). Permission, not evidence.
CREATE TABLE erasures (
    writer text COLLATE "C" NOT NULL,
    what text NOT NULL,
    at text COLLATE "C" NOT NULL,
    PRIMARY KEY (writer, what),
    CONSTRAINT what_may_be_erased CHECK (what IN ('records', 'texts'))
);

CREATE TABLE original_keys (
    id text COLLATE "C" NOT NULL PRIMARY KEY,
    conversation text COLLATE "C" NOT NULL,
    wrapped text NOT NULL,
    until text COLLATE "C" NOT NULL
);

CREATE TABLE originals (
    writer text COLLATE "C" NOT NULL,
    idx bigint NOT NULL,
    key_id text COLLATE "C" NOT NULL,
    sealed text NOT NULL,
    PRIMARY KEY (writer, idx)
);

CREATE INDEX originals_by_key ON originals (key_id);

-- ── laws ────────────────────────────────────────────────────────────────────────────────────────
-- integrity_constraint_violation: for the program a broken law is what a broken CHECK is.
-- search_path FROM CURRENT: a law looks at the ledger's own tables, whatever temporary ones somebody makes.

CREATE FUNCTION forbidden() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    RAISE EXCEPTION '%', TG_ARGV[0] USING ERRCODE = 'integrity_constraint_violation';
END $$;

CREATE TRIGGER records_are_never_changed BEFORE UPDATE ON records
FOR EACH ROW EXECUTE FUNCTION forbidden('a record is never changed');

-- Not even when their time is over: then their whole month is dropped.
CREATE TRIGGER records_are_never_deleted BEFORE DELETE ON records
FOR EACH ROW EXECUTE FUNCTION forbidden('a record is never deleted');

CREATE TRIGGER records_are_never_emptied BEFORE TRUNCATE ON records
FOR EACH STATEMENT EXECUTE FUNCTION forbidden('a record is never deleted');

CREATE TRIGGER texts_are_never_changed BEFORE UPDATE ON texts
FOR EACH ROW EXECUTE FUNCTION forbidden('a text is never changed');

CREATE TRIGGER texts_are_never_deleted BEFORE DELETE ON texts
FOR EACH ROW EXECUTE FUNCTION forbidden('a text is not deleted before its time');

CREATE TRIGGER texts_are_never_emptied BEFORE TRUNCATE ON texts
FOR EACH STATEMENT EXECUTE FUNCTION forbidden('a text is not deleted before its time');

CREATE TRIGGER notes_are_never_changed BEFORE UPDATE ON notes
FOR EACH ROW EXECUTE FUNCTION forbidden('a note is never changed');

CREATE TRIGGER notes_are_never_deleted BEFORE DELETE ON notes
FOR EACH ROW EXECUTE FUNCTION forbidden('a note is never deleted');

CREATE TRIGGER notes_are_never_emptied BEFORE TRUNCATE ON notes
FOR EACH STATEMENT EXECUTE FUNCTION forbidden('a note is never deleted');

CREATE TRIGGER erasures_are_never_changed BEFORE UPDATE OR DELETE ON erasures
FOR EACH ROW EXECUTE FUNCTION forbidden('an erasure is never changed');

CREATE TRIGGER originals_are_never_changed BEFORE UPDATE ON originals
FOR EACH ROW EXECUTE FUNCTION forbidden('a sealed original is never changed');

CREATE TRIGGER original_keys_are_never_changed BEFORE UPDATE ON original_keys
FOR EACH ROW EXECUTE FUNCTION forbidden('a wrapped key is never changed');

-- Whoever writes holds a lease, and a chain has no gaps and no forks. The lease's row is locked by the
-- transaction that renewed it, so that a sweep which closes a chain and its writer never write side by side.
CREATE FUNCTION a_record_is_lawful() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    -- UNIQUE ends at the partition's edge. An exchange lasts minutes: two months back is far enough to look.
    young text := 'w' || to_char(to_date(substr(NEW.writer, 2, 8), 'YYYYMMDD') - 62, 'YYYYMMDD');
BEGIN
    IF NEW.turn = 1 AND EXISTS (
        SELECT FROM records WHERE exchange = NEW.exchange AND turn = 1 AND writer >= young)
    THEN
        RAISE EXCEPTION 'an exchange has one question' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF NOT EXISTS (SELECT FROM leases WHERE writer = NEW.writer AND ended IS NULL) THEN
        RAISE EXCEPTION 'a record needs a writer that holds a lease'
        USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF NEW.idx > 1 AND NOT EXISTS (
        SELECT FROM records WHERE writer = NEW.writer AND idx = NEW.idx - 1 AND hash = NEW.prev)
    THEN
        RAISE EXCEPTION 'a record follows the last one of its writer'
        USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF NEW.turn = 2 AND NOT EXISTS (
        SELECT FROM records WHERE exchange = NEW.exchange AND turn = 1 AND writer = NEW.writer)
    THEN
        RAISE EXCEPTION 'an ending needs its asked record in the same chain'
        USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER a_record_is_lawful BEFORE INSERT ON records
FOR EACH ROW EXECUTE FUNCTION a_record_is_lawful();

CREATE FUNCTION a_text_has_its_record() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM records WHERE writer = NEW.writer AND idx = NEW.idx) THEN
        RAISE EXCEPTION 'a text needs its record' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER a_text_has_its_record BEFORE INSERT ON texts
FOR EACH ROW EXECUTE FUNCTION a_text_has_its_record();

CREATE FUNCTION a_note_follows_the_last_one() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    IF NEW.number <> (SELECT coalesce(max(number), 0) + 1 FROM notes) THEN
        RAISE EXCEPTION 'a note follows the last one' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER a_note_follows_the_last_one BEFORE INSERT ON notes
FOR EACH ROW EXECUTE FUNCTION a_note_follows_the_last_one();
