"""The ledger's tables, as the analysis side sees them. The migrations make them; a test compares the two."""

from sqlalchemy import BigInteger, Boolean, Column, Float, Index, Integer, LargeBinary, MetaData, String, Table

METADATA = MetaData()

EXCHANGES = Table(
    "exchanges",
    METADATA,
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("id", String, nullable=False),
    Column("started_ns", BigInteger, nullable=False),
    Column("key", String, nullable=False),
    Column("team", String, nullable=False),
    Column("feature", String, nullable=False),
    Column("site", LargeBinary, nullable=False),
    Column("site_named", Boolean, nullable=False),
    Column("request_hash", LargeBinary, nullable=False),
    Column("operation", String, nullable=False),
    Column("features", Integer, nullable=False),
    Column("n", Integer, nullable=False),
    Column("max_tokens", Integer),
    Column("service_tier", String, nullable=False),
    Column("messages", Integer, nullable=False),
    Column("tools", Integer, nullable=False),
    Column("system_hash", LargeBinary, nullable=False),
    Column("system_bytes", Integer, nullable=False),
    Column("route", String, nullable=False),
    Column("tier", String, nullable=False),
    Column("instance", String, nullable=False),
    Column("model_asked", String, nullable=False),
    Column("model_served", String, nullable=False),
    Column("status", Integer, nullable=False),
    Column("outcome", String, nullable=False),
    Column("error_code", String, nullable=False),
    Column("finish_reason", String, nullable=False),
    Column("input_tokens", Integer),
    Column("output_tokens", Integer),
    Column("cached_tokens", Integer),
    Column("reasoning_tokens", Integer),
    Column("usage", String, nullable=False),
    Column("bytes_in", BigInteger, nullable=False),
    Column("bytes_out", BigInteger, nullable=False),
    Column("ttft_s", Float),
    Column("total_s", Float, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("client_retries", Integer, nullable=False),
    Column("ratelimit_requests", Integer),
    Column("ratelimit_tokens", Integer),
    Column("cost_nano", BigInteger),
    Column("baseline_nano", BigInteger),
    Column("compute_nano", BigInteger, nullable=False),
    Column("usage_ratio", Float),
    Index("exchanges_started_ns", "started_ns"),
)
"""One row per exchange. `cost_nano` is the whole actual cost, `compute_nano` the part of it from shared machines."""

ATTEMPTS = Table(
    "attempts",
    METADATA,
    Column("exchange", Integer, primary_key=True, autoincrement=False),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("tier", String, nullable=False),
    Column("instance", String, nullable=False),
    Column("started_ns", BigInteger, nullable=False),
    Column("ended_ns", BigInteger, nullable=False),
    Column("status", Integer, nullable=False),
    Column("failure", String, nullable=False),
    Column("cost_nano", BigInteger),
    sqlite_with_rowid=False,
)
"""The tries of exchanges that had more than one; `exchange` is `exchanges.seq`."""

HOURS = Table(
    "hours",
    METADATA,
    Column("hour", Integer, primary_key=True, autoincrement=False),
    Column("team", String, primary_key=True),
    Column("feature", String, primary_key=True),
    Column("key", String, primary_key=True),
    Column("operation", String, primary_key=True),
    Column("route", String, primary_key=True),
    Column("tier", String, primary_key=True),
    Column("model_asked", String, primary_key=True),
    Column("model_served", String, primary_key=True),
    Column("outcome", String, primary_key=True),
    Column("requests", BigInteger, nullable=False),
    Column("input_tokens", BigInteger, nullable=False),
    Column("output_tokens", BigInteger, nullable=False),
    Column("cached_tokens", BigInteger, nullable=False),
    Column("reasoning_tokens", BigInteger, nullable=False),
    Column("cost_nano", BigInteger, nullable=False),
    Column("compute_nano", BigInteger, nullable=False),
    Column("baseline_nano", BigInteger, nullable=False),
    Column("saved_nano", BigInteger, nullable=False),
    Column("unpriced", BigInteger, nullable=False),
    Column("baselined", BigInteger, nullable=False),
    Column("compared", BigInteger, nullable=False),
    Column("estimated", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)
"""Sums per hour since the epoch (UTC), kept with the rows in the same transaction."""

COMPUTES = Table(
    "computes",
    METADATA,
    Column("instance", String, primary_key=True),
    Column("meter", LargeBinary, nullable=False),
)
"""The meter of each instance that ever had a compute price: msgpack of `pricing.shares.MeterState`."""

COMPUTE_HOURS = Table(
    "compute_hours",
    METADATA,
    Column("hour", Integer, primary_key=True, autoincrement=False),
    Column("instance", String, primary_key=True),
    Column("idle_nano", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)
"""Idle cost by hour, as far as the meters have come."""

DROPPED = Table(
    "dropped",
    METADATA,
    Column("hour", Integer, primary_key=True, autoincrement=False),
    Column("rows", BigInteger, nullable=False),
)
"""Exchanges that could not be kept, by the hour in which that was told."""

JOURNALS = Table(
    "journals",
    METADATA,
    Column("token", String, primary_key=True),
    Column("folded_id", BigInteger, nullable=False),
    Column("waiting", LargeBinary, nullable=False),
)
"""How far each journal is folded, and the compute events that wait for their turn: msgpack of `store.bills.Waiting`."""

NUMBERING = Table(
    "numbering",
    METADATA,
    Column("one", Integer, primary_key=True, autoincrement=False),
    Column("last", BigInteger, nullable=False),
)
"""The highest `exchanges.seq` ever given, so that no number is given twice after rows were moved away."""

HISTORY = Table(
    "history",
    METADATA,
    Column("file", String, primary_key=True),
    Column("state", String, nullable=False),
    Column("format", Integer, nullable=False),
    Column("rows", BigInteger, nullable=False),
    Column("first_ns", BigInteger, nullable=False),
    Column("last_ns", BigInteger, nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
    Column("crc32", BigInteger, nullable=False),
)
"""Parquet files with exchanges that are no longer in `exchanges`, by their path below `history/`; the states are those
of `migrate.history.files`."""

EXPIRED = Table(
    "expired",
    METADATA,
    Column("day", Integer, primary_key=True, autoincrement=False),
    Column("rows", BigInteger, nullable=False),
)
"""How many single exchanges of a day since the epoch the retention has deleted; the hourly sums still have them."""
