-- Every certificate that the authority issued.
CREATE TABLE certificate (
    serial BLOB PRIMARY KEY,
    digest BLOB NOT NULL UNIQUE,
    role TEXT NOT NULL CHECK (role IN ('server', 'device')),
    name TEXT NOT NULL,
    site TEXT,
    -- The one that asked for it. Of two successors with different keys, one is a clone's.
    predecessor BLOB UNIQUE REFERENCES certificate (serial),
    pem TEXT NOT NULL,
    not_before INTEGER NOT NULL,
    not_after INTEGER NOT NULL,
    revoked_at INTEGER,
    reason TEXT
) STRICT;
CREATE INDEX certificate_of_site ON certificate (site);

-- One-time codes, by the verifying key that is made from each. The codes stand nowhere.
CREATE TABLE enrolment (
    site TEXT NOT NULL,
    device TEXT NOT NULL,
    code BLOB NOT NULL UNIQUE,
    operator TEXT NOT NULL,
    expires_at INTEGER NOT NULL,
    used_by BLOB REFERENCES certificate (serial)
) STRICT;

-- Devices that came back after the end of their certificate, and who let them in.
CREATE TABLE late (
    serial BLOB PRIMARY KEY REFERENCES certificate (serial),
    asked_at INTEGER NOT NULL,
    operator TEXT,
    -- The key that was asked for first: another is a clone's.
    key BLOB
) STRICT;

-- Numbers of revocation lists that were given.
CREATE TABLE list (
    number INTEGER PRIMARY KEY,
    made_at INTEGER NOT NULL
) STRICT;
