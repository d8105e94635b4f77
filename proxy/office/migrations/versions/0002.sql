CREATE TABLE people (
    id VARCHAR NOT NULL,
    name VARCHAR NOT NULL,
    kind VARCHAR NOT NULL,
    role VARCHAR NOT NULL,
    starts VARCHAR NOT NULL,
    ends VARCHAR,
    approved_by VARCHAR,
    approved_at VARCHAR,
    consented BOOLEAN DEFAULT false NOT NULL,
    owner VARCHAR,
    entered_at VARCHAR NOT NULL,
    entered_by VARCHAR NOT NULL,
    PRIMARY KEY (id)
);

CREATE TABLE postings (
    person VARCHAR NOT NULL,
    since VARCHAR NOT NULL,
    department VARCHAR NOT NULL,
    section VARCHAR NOT NULL,
    PRIMARY KEY (person, since)
);

CREATE TABLE trainings (
    person VARCHAR NOT NULL,
    course VARCHAR NOT NULL,
    fiscal_year INTEGER NOT NULL,
    completed_on VARCHAR NOT NULL,
    PRIMARY KEY (person, course, fiscal_year)
);

CREATE TABLE acknowledgements (
    person VARCHAR NOT NULL,
    rules VARCHAR NOT NULL,
    at VARCHAR NOT NULL,
    PRIMARY KEY (person, rules)
);

CREATE TABLE keys (
    id VARCHAR NOT NULL,
    hash VARCHAR,
    oidc_client VARCHAR,
    person VARCHAR,
    tool VARCHAR NOT NULL,
    department VARCHAR NOT NULL,
    section VARCHAR NOT NULL,
    may_assert_user BOOLEAN NOT NULL,
    addresses VARCHAR NOT NULL,
    purpose VARCHAR,
    category VARCHAR NOT NULL,
    confidentiality_class VARCHAR,
    unknown_fields VARCHAR DEFAULT 'refuse' NOT NULL,
    mask_reply_names BOOLEAN DEFAULT false NOT NULL,
    audience VARCHAR DEFAULT 'staff' NOT NULL,
    append_notices BOOLEAN DEFAULT false NOT NULL,
    starts VARCHAR,
    ends VARCHAR,
    approved_by VARCHAR,
    created_at VARCHAR NOT NULL,
    created_by VARCHAR NOT NULL,
    revoked_at VARCHAR,
    drill VARCHAR,
    drill_until VARCHAR,
    PRIMARY KEY (id),
    UNIQUE (hash),
    UNIQUE (oidc_client)
);

CREATE TABLE IF NOT EXISTS stops (
    id VARCHAR NOT NULL,
    kind VARCHAR NOT NULL,
    name VARCHAR NOT NULL,
    reason VARCHAR NOT NULL,
    by VARCHAR NOT NULL,
    at VARCHAR NOT NULL,
    resumed_at VARCHAR,
    resumed_by VARCHAR,
    noted_at VARCHAR,
    claimed FLOAT,
    PRIMARY KEY (id)
);

CREATE TABLE checks (
    id VARCHAR NOT NULL,
    exchange VARCHAR NOT NULL,
    document VARCHAR NOT NULL,
    external BOOLEAN NOT NULL,
    first_by VARCHAR NOT NULL,
    first_at VARCHAR NOT NULL,
    second_by VARCHAR,
    second_at VARCHAR,
    PRIMARY KEY (id)
);

CREATE TABLE quotas (
    id VARCHAR NOT NULL,
    scope VARCHAR NOT NULL,
    name VARCHAR NOT NULL,
    measure VARCHAR NOT NULL,
    period VARCHAR NOT NULL,
    amount BIGINT,
    actor VARCHAR NOT NULL,
    starts VARCHAR,
    ends VARCHAR,
    reason VARCHAR NOT NULL,
    set_by VARCHAR NOT NULL,
    set_at VARCHAR NOT NULL,
    ended_at VARCHAR,
    ended_by VARCHAR,
    PRIMARY KEY (id)
);

CREATE TABLE counters (
    quota VARCHAR NOT NULL,
    subject VARCHAR NOT NULL,
    period VARCHAR NOT NULL,
    used BIGINT NOT NULL,
    reserved BIGINT NOT NULL,
    most BIGINT,
    PRIMARY KEY (quota, subject, period),
    CHECK (used >= 0 AND reserved >= 0)
);

CREATE TABLE held (
    process VARCHAR NOT NULL,
    quota VARCHAR NOT NULL,
    subject VARCHAR NOT NULL,
    period VARCHAR NOT NULL,
    reserved BIGINT NOT NULL,
    PRIMARY KEY (process, quota, subject, period)
);

CREATE TABLE processes (
    id VARCHAR NOT NULL,
    heartbeat FLOAT NOT NULL,
    boot VARCHAR NOT NULL,
    namespace VARCHAR NOT NULL,
    pid INTEGER NOT NULL,
    born VARCHAR NOT NULL,
    PRIMARY KEY (id)
);

CREATE TABLE emergencies (
    id VARCHAR NOT NULL,
    reason VARCHAR NOT NULL,
    until VARCHAR NOT NULL,
    proposed_by VARCHAR NOT NULL,
    proposed_at VARCHAR NOT NULL,
    approved_by VARCHAR,
    approved_at VARCHAR,
    ended_by VARCHAR,
    ended_at VARCHAR,
    PRIMARY KEY (id),
    CHECK (approved_by IS NULL OR approved_by <> proposed_by)
);

CREATE TABLE confirmations (
    id VARCHAR NOT NULL,
    state VARCHAR NOT NULL,
    person VARCHAR NOT NULL,
    key_id VARCHAR NOT NULL,
    tool VARCHAR NOT NULL,
    department VARCHAR NOT NULL,
    section VARCHAR NOT NULL,
    exchange VARCHAR NOT NULL,
    rules VARCHAR NOT NULL,
    found VARCHAR NOT NULL,
    category VARCHAR NOT NULL,
    model VARCHAR NOT NULL,
    consenter VARCHAR NOT NULL,
    secret VARCHAR,
    units VARCHAR,
    asked_at VARCHAR NOT NULL,
    deadline VARCHAR NOT NULL,
    given VARCHAR NOT NULL,
    fresh_until VARCHAR,
    used_at VARCHAR,
    used_by VARCHAR,
    known_until VARCHAR,
    ended_at VARCHAR,
    ended_by VARCHAR,
    PRIMARY KEY (id)
);

CREATE INDEX confirmations_of ON confirmations (person, key_id);

CREATE TABLE reviews (
    id VARCHAR NOT NULL,
    begun_at VARCHAR NOT NULL,
    begun_by VARCHAR NOT NULL,
    PRIMARY KEY (id)
);

CREATE TABLE reviewed (
    review VARCHAR NOT NULL,
    person VARCHAR NOT NULL,
    department VARCHAR NOT NULL,
    section VARCHAR NOT NULL,
    decision VARCHAR,
    decided_by VARCHAR,
    decided_at VARCHAR,
    PRIMARY KEY (review, person),
    CHECK (decided_by IS NULL OR decided_by <> person)
);

CREATE TABLE cursors (
    name VARCHAR NOT NULL,
    position VARCHAR,
    holder VARCHAR,
    seen FLOAT NOT NULL,
    trouble VARCHAR,
    PRIMARY KEY (name)
);

CREATE TABLE tallies (
    rule VARCHAR NOT NULL,
    subject VARCHAR NOT NULL,
    period VARCHAR NOT NULL,
    count BIGINT NOT NULL,
    alert VARCHAR,
    raised_at VARCHAR,
    recent VARCHAR DEFAULT '[]' NOT NULL,
    PRIMARY KEY (rule, subject, period)
);

CREATE TABLE tallied (
    rule VARCHAR NOT NULL,
    subject VARCHAR NOT NULL,
    period VARCHAR NOT NULL,
    item VARCHAR NOT NULL,
    PRIMARY KEY (rule, subject, period, item)
);
