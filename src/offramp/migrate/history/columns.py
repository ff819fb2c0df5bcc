"""The columns of an exchange in Parquet: those of the ledger by name, unit and order, and its attempts inside it.

No I/O here.
"""

from collections.abc import Iterable
from pathlib import PurePath

FORMAT = 1
"""Version of the files. Columns may be added at the end; a change of meaning needs a new number."""

EXCHANGE = {
    "seq": "BIGINT",
    "id": "VARCHAR",
    "started_ns": "BIGINT",
    "key": "VARCHAR",
    "team": "VARCHAR",
    "feature": "VARCHAR",
    "site": "BLOB",
    "site_named": "BOOLEAN",
    "request_hash": "BLOB",
    "operation": "VARCHAR",
    "features": "BIGINT",
    "n": "BIGINT",
    "max_tokens": "BIGINT",
    "service_tier": "VARCHAR",
    "messages": "BIGINT",
    "tools": "BIGINT",
    "system_hash": "BLOB",
    "system_bytes": "BIGINT",
    "route": "VARCHAR",
    "tier": "VARCHAR",
    "instance": "VARCHAR",
    "model_asked": "VARCHAR",
    "model_served": "VARCHAR",
    "status": "BIGINT",
    "outcome": "VARCHAR",
    "error_code": "VARCHAR",
    "finish_reason": "VARCHAR",
    "input_tokens": "BIGINT",
    "output_tokens": "BIGINT",
    "cached_tokens": "BIGINT",
    "reasoning_tokens": "BIGINT",
    "usage": "VARCHAR",
    "bytes_in": "BIGINT",
    "bytes_out": "BIGINT",
    "ttft_s": "DOUBLE",
    "total_s": "DOUBLE",
    "attempts": "BIGINT",
    "client_retries": "BIGINT",
    "ratelimit_requests": "BIGINT",
    "ratelimit_tokens": "BIGINT",
    "cost_nano": "BIGINT",
    "baseline_nano": "BIGINT",
    "compute_nano": "BIGINT",
    "usage_ratio": "DOUBLE",
}
"""Name and DuckDB type of each column of `exchanges`; a test compares them with the ledger's tables."""

ATTEMPT = {
    "number": "BIGINT",
    "tier": "VARCHAR",
    "instance": "VARCHAR",
    "started_ns": "BIGINT",
    "ended_ns": "BIGINT",
    "status": "BIGINT",
    "failure": "VARCHAR",
    "cost_nano": "BIGINT",
}
"""The same of `attempts`, but for the exchange that they belong to: in Parquet they lie inside it, as `tries`."""

TRIES = "tries"
"""List of the attempts of an exchange that had more than one; `NULL` where there was one."""

TRIES_TYPE = f"STRUCT({', '.join(f'{name} {kind}' for name, kind in ATTEMPT.items())})[]"

FILE = EXCHANGE | {TRIES: TRIES_TYPE}
"""Everything that a file of the history holds."""

PUBLIC = tuple(name for name in EXCHANGE if name != "seq")
"""What a reader of all exchanges sees: `seq` numbers the rows of one ledger and means nothing beside imports."""


def quoted(name: str) -> str:
    """A name in SQL, whatever it is.

    >>> quoted("key")
    '"key"'
    """
    return f'"{name}"'


def literal(text: str) -> str:
    """A text in SQL, for statements that take no parameters.

    >>> literal("it's")
    "'it''s'"
    """
    return "'" + text.replace("'", "''") + "'"


def parquet(paths: Iterable[PurePath]) -> str:
    """Parquet files as one table in SQL.

    >>> parquet([PurePath("a.parquet"), PurePath("b.parquet")])
    "read_parquet(['a.parquet', 'b.parquet'])"
    """
    return f"read_parquet([{', '.join(literal(str(path)) for path in paths)}])"


STORED_AS = f"(FORMAT parquet, COMPRESSION zstd, KV_METADATA {{offramp_format: '{FORMAT}'}})"
"""How DuckDB is to write such a file: the end of a `COPY`."""

FILE_COLUMNS = ", ".join(quoted(name) for name in FILE)
"""All columns of such a file."""
