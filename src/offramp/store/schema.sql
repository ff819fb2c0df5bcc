CREATE TABLE alembic_version (
    version_num VARCHAR(32) NOT NULL,
    CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
CREATE TABLE exchanges (
    seq INTEGER NOT NULL,
    id VARCHAR NOT NULL,
    started_ns BIGINT NOT NULL,
    "key" VARCHAR NOT NULL,
    team VARCHAR NOT NULL,
    feature VARCHAR NOT NULL,
    site BLOB NOT NULL,
    site_named BOOLEAN NOT NULL,
    request_hash BLOB NOT NULL,
    operation VARCHAR NOT NULL,
    features INTEGER NOT NULL,
    n INTEGER NOT NULL,
    max_tokens INTEGER,
    service_tier VARCHAR NOT NULL,
    messages INTEGER NOT NULL,
    tools INTEGER NOT NULL,
    system_hash BLOB NOT NULL,
    system_bytes INTEGER NOT NULL,
    route VARCHAR NOT NULL,
    tier VARCHAR NOT NULL,
    instance VARCHAR NOT NULL,
    model_asked VARCHAR NOT NULL,
    model_served VARCHAR NOT NULL,
    status INTEGER NOT NULL,
    outcome VARCHAR NOT NULL,
    error_code VARCHAR NOT NULL,
    finish_reason VARCHAR NOT NULL,
    input_tokens INTEGER,
    output_tokens INTEGER,
    cached_tokens INTEGER,
    reasoning_tokens INTEGER,
    usage VARCHAR NOT NULL,
    bytes_in BIGINT NOT NULL,
    bytes_out BIGINT NOT NULL,
    ttft_s FLOAT,
    total_s FLOAT NOT NULL,
    attempts INTEGER NOT NULL,
    client_retries INTEGER NOT NULL,
    ratelimit_requests INTEGER,
    ratelimit_tokens INTEGER,
    cost_nano BIGINT,
    baseline_nano BIGINT,
    compute_nano BIGINT NOT NULL,
    usage_ratio FLOAT,
    PRIMARY KEY (seq)
);
CREATE INDEX exchanges_started_ns ON exchanges (started_ns);
CREATE TABLE attempts (
    exchange INTEGER NOT NULL,
    number INTEGER NOT NULL,
    tier VARCHAR NOT NULL,
    instance VARCHAR NOT NULL,
    started_ns BIGINT NOT NULL,
    ended_ns BIGINT NOT NULL,
    status INTEGER NOT NULL,
    failure VARCHAR NOT NULL,
    cost_nano BIGINT,
    PRIMARY KEY (exchange, number)
)
 WITHOUT ROWID

;
CREATE TABLE hours (
    hour INTEGER NOT NULL,
    team VARCHAR NOT NULL,
    feature VARCHAR NOT NULL,
    "key" VARCHAR NOT NULL,
    operation VARCHAR NOT NULL,
    route VARCHAR NOT NULL,
    tier VARCHAR NOT NULL,
    model_asked VARCHAR NOT NULL,
    model_served VARCHAR NOT NULL,
    outcome VARCHAR NOT NULL,
    requests BIGINT NOT NULL,
    input_tokens BIGINT NOT NULL,
    output_tokens BIGINT NOT NULL,
    cached_tokens BIGINT NOT NULL,
    reasoning_tokens BIGINT NOT NULL,
    cost_nano BIGINT NOT NULL,
    compute_nano BIGINT NOT NULL,
    baseline_nano BIGINT NOT NULL,
    saved_nano BIGINT NOT NULL,
    unpriced BIGINT NOT NULL,
    baselined BIGINT NOT NULL,
    compared BIGINT NOT NULL,
    estimated BIGINT NOT NULL,
    PRIMARY KEY (hour, team, feature, "key", operation, route, tier, model_asked, model_served, outcome)
)
 WITHOUT ROWID

;
CREATE TABLE computes (
    instance VARCHAR NOT NULL,
    meter BLOB NOT NULL,
    PRIMARY KEY (instance)
);
CREATE TABLE compute_hours (
    hour INTEGER NOT NULL,
    instance VARCHAR NOT NULL,
    idle_nano BIGINT NOT NULL,
    PRIMARY KEY (hour, instance)
)
 WITHOUT ROWID

;
CREATE TABLE dropped (
    hour INTEGER NOT NULL,
    rows BIGINT NOT NULL,
    PRIMARY KEY (hour)
);
CREATE TABLE journals (
    token VARCHAR NOT NULL,
    folded_id BIGINT NOT NULL,
    waiting BLOB NOT NULL,
    PRIMARY KEY (token)
);
CREATE TABLE numbering (
    one INTEGER NOT NULL,
    last BIGINT NOT NULL,
    PRIMARY KEY (one)
);
CREATE TABLE history (
    file VARCHAR NOT NULL,
    state VARCHAR NOT NULL,
    format INTEGER NOT NULL,
    rows BIGINT NOT NULL,
    first_ns BIGINT NOT NULL,
    last_ns BIGINT NOT NULL,
    size_bytes BIGINT NOT NULL,
    crc32 BIGINT NOT NULL,
    PRIMARY KEY (file)
);
CREATE TABLE expired (
    day INTEGER NOT NULL,
    rows BIGINT NOT NULL,
    PRIMARY KEY (day)
);
INSERT INTO alembic_version (version_num) VALUES ('0002')
