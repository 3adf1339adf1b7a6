-- Ids are text, times are seconds since 1970 (BIGINT), structured fields are JSON text.
-- Each statement is also valid PostgreSQL, but for the type of changes.seq and json_extract.

CREATE TABLE domain (
    domain     TEXT   NOT NULL PRIMARY KEY,
    version    BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    body       TEXT   NOT NULL
);

CREATE TABLE resource (
    domain     TEXT   NOT NULL REFERENCES domain (domain) ON DELETE CASCADE,
    name       TEXT   NOT NULL,
    version    BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    body       TEXT   NOT NULL,
    PRIMARY KEY (domain, name)
);

-- An identifier stands in `aud`: it names one resource of a domain.
CREATE UNIQUE INDEX resource_identifier ON resource (domain, json_extract(body, '$.identifier'));

CREATE TABLE client (
    domain     TEXT   NOT NULL REFERENCES domain (domain) ON DELETE CASCADE,
    client_id  TEXT   NOT NULL,
    version    BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    body       TEXT   NOT NULL,
    PRIMARY KEY (domain, client_id)
);

CREATE TABLE credential (
    domain     TEXT   NOT NULL,
    client_id  TEXT   NOT NULL,
    id         TEXT   NOT NULL,
    expires_at BIGINT,
    body       TEXT   NOT NULL,
    PRIMARY KEY (domain, client_id, id),
    FOREIGN KEY (domain, client_id) REFERENCES client (domain, client_id) ON DELETE CASCADE
);

-- Signing keys and the keys of opaque tokens, sealed under the master key.
CREATE TABLE domain_key (
    domain       TEXT   NOT NULL REFERENCES domain (domain) ON DELETE CASCADE,
    kid          TEXT   NOT NULL,
    alg          TEXT   NOT NULL,
    -- Counts the keys of one algorithm: two nodes that rotate at once make one successor.
    generation   BIGINT NOT NULL,
    created_at   BIGINT NOT NULL,
    activates_at BIGINT NOT NULL,
    -- When verifiers need it no more. Set once a successor is known.
    expires_at   BIGINT,
    sealed       TEXT   NOT NULL,
    public_jwk   TEXT,
    PRIMARY KEY (domain, kid),
    UNIQUE (domain, alg, generation)
);

-- The few facts about tokens that must die early, kept until those tokens would have expired.
CREATE TABLE revocation (
    domain        TEXT   NOT NULL,
    -- 'token': subject is a jti. 'client': all tokens of the client issued up to issued_before.
    kind          TEXT   NOT NULL,
    subject       TEXT   NOT NULL,
    issued_before BIGINT NOT NULL,
    expires_at    BIGINT NOT NULL,
    PRIMARY KEY (domain, kind, subject)
);
CREATE INDEX revocation_expiry ON revocation (expires_at);

-- Append-only: all that administrators changed, in order. Nodes follow it to refresh what they hold in memory.
CREATE TABLE changes (
    seq     INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    at      BIGINT  NOT NULL,
    actor   TEXT    NOT NULL,
    domain  TEXT    NOT NULL,
    kind    TEXT    NOT NULL,
    subject TEXT    NOT NULL,
    op      TEXT    NOT NULL,
    before  TEXT,
    after   TEXT
);
CREATE INDEX changes_subject ON changes (domain, kind, subject, seq);
