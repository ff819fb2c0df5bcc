"""Traffic of a month, made by DuckDB: call sites of different size, days and nights, repeats, failures, bursts."""

from pathlib import Path

from offramp.migrate.history.engine import open_engine

DAYS = 30
BEGIN_NS = 1_760_313_600 * 10**9
"""2025-10-13, a Monday."""

_DRAWS = ", ".join(f"(hash(i * 8 + {number}) >> 11) / pow(2, 53) AS u{number}" for number in range(7))
"""Numbers in [0, 1) that depend on nothing but the row, so that every run makes the same traffic."""

_MOST_SITES = 60
_NIGHT = 0.0032
"""How far the clock is bent: by night there is a quarter of the traffic of the day."""

_SQL = f"""
WITH drawn AS (
    SELECT i, {_DRAWS} FROM range($first, $last) AS rows(i)
), placed AS (
    SELECT *, floor({_MOST_SITES} * u0 * u0 * u0)::INT AS k,
        sqrt(-2 * ln(u1 + 1e-12)) * cos(2 * pi() * u2) AS g1, sqrt(-2 * ln(u1 + 1e-12)) * sin(2 * pi() * u2) AS g2,
        CASE WHEN u3 < 0.97 THEN 'ok' WHEN u3 < 0.98 THEN 'upstream_error' WHEN u3 < 0.985 THEN 'refused'
            WHEN u3 < 0.993 THEN 'client_error' ELSE 'cancelled' END AS outcome,
        CASE WHEN u4 < 0.7 THEN 'local' ELSE 'openai' END AS tier
    FROM drawn
)
SELECT md5(i::VARCHAR) AS id,
    {BEGIN_NS} + (u6 * u6 * 4e9)::BIGINT + ({DAYS * 86_400}e9
        * (i / $rows::DOUBLE + {_NIGHT} * sin(2 * pi() * {DAYS} * i / $rows::DOUBLE)))::BIGINT AS started_ns,
    'key-' || k % 16 AS key, 'team-' || k % 8 AS team, 'feature-' || k % 20 AS feature,
    unhex(left(md5('site' || k), 16)) AS site, k % 3 = 0 AS site_named,
    unhex(md5(CASE WHEN u5 < 0.3 THEN k || '-' || floor(u2 * 2000)::INT ELSE i::VARCHAR END)) AS request_hash,
    CASE k % 10 WHEN 8 THEN 'embeddings' WHEN 9 THEN 'responses' ELSE 'chat.completions' END AS operation,
    ((k % 2) + 2 * (k % 3 = 1)::INT + 4 * (k % 5 = 1)::INT + 128 * (u4 < 0.05)::INT)::INT AS features,
    CASE WHEN u4 < 0.01 THEN 4 ELSE 1 END AS n, CASE WHEN k % 4 <> 0 THEN 512 END AS max_tokens,
    CASE WHEN u4 < 0.9 THEN '' ELSE 'default' END AS service_tier,
    1 + (8 * u2)::INT AS messages, CASE WHEN k % 3 = 1 THEN 4 ELSE 0 END AS tools,
    unhex(left(md5('system' || k), 16)) AS system_hash, 400 + 50 * k AS system_bytes,
    'chat' AS route, tier, tier || ':8000' AS instance,
    CASE k % 4 WHEN 0 THEN 'gpt-4o' WHEN 1 THEN 'gpt-4.1-mini' WHEN 2 THEN 'gpt-4o-mini'
        ELSE 'text-embedding-3-small' END AS model_asked,
    CASE WHEN outcome <> 'ok' THEN '' WHEN tier = 'local' THEN 'qwen3-8b' WHEN k % 4 = 0 THEN 'gpt-4o'
        WHEN k % 4 = 1 THEN 'gpt-4.1-mini' ELSE 'gpt-4o-mini' END AS model_served,
    CASE outcome WHEN 'ok' THEN 200 WHEN 'refused' THEN 429 WHEN 'client_error' THEN 400
        WHEN 'upstream_error' THEN 502 ELSE 499 END AS status,
    outcome,
    CASE outcome WHEN 'refused' THEN 'rate_limited' WHEN 'client_error' THEN 'context_length_exceeded'
        WHEN 'upstream_error' THEN 'upstream_unavailable' ELSE '' END AS error_code,
    CASE WHEN outcome <> 'ok' THEN '' WHEN u2 < 0.95 THEN 'stop' ELSE 'length' END AS finish_reason,
    CASE WHEN outcome = 'ok' THEN (exp(6.5 + g1))::INT + 100 + 12 * k END AS input_tokens,
    CASE WHEN outcome = 'ok' THEN (exp(4.6 + 0.9 * g2))::INT + 1 END AS output_tokens,
    CASE WHEN outcome = 'ok' AND k % 2 = 0 THEN 100 + 12 * k END AS cached_tokens, NULL::INT AS reasoning_tokens,
    CASE WHEN outcome <> 'ok' THEN 'none' WHEN u4 < 0.02 THEN 'estimated' ELSE 'measured' END AS usage,
    (4 * exp(6.5 + g1))::BIGINT + 900 AS bytes_in, 2000::BIGINT AS bytes_out,
    CASE WHEN outcome = 'ok' THEN 0.15 * exp(0.5 * g1) END AS ttft_s,
    0.15 * exp(0.5 * g1) + 0.012 * (0.9 + 0.2 * u6) * exp(4.6 + 0.9 * g2) AS total_s,
    CASE WHEN u4 < 0.03 THEN 2 ELSE 1 END AS attempts, CASE WHEN u0 > 0.99 THEN 1 ELSE 0 END AS client_retries,
    CASE WHEN tier = 'openai' AND outcome = 'ok' THEN 10000 - (9990 * u2)::INT END AS ratelimit_requests,
    CASE WHEN tier = 'openai' AND outcome = 'ok' THEN 2000000 - (1999000 * u1)::INT END AS ratelimit_tokens,
    CASE WHEN u4 > 0.999 THEN NULL WHEN outcome = 'ok' THEN (exp(6.5 + g1) * 150)::BIGINT ELSE 0 END AS cost_nano,
    CASE WHEN outcome = 'ok' THEN (exp(6.5 + g1) * 300)::BIGINT END AS baseline_nano,
    0::BIGINT AS compute_nano, NULL::DOUBLE AS usage_ratio, 'ledger' AS source
FROM placed
"""  # noqa: S608 -- our numbers


def generate(folder: Path, rows: int) -> list[Path]:
    """Write so many requests as Parquet, one file a day; the same rows make the same traffic."""
    files = []
    with open_engine() as engine:
        for day in range(DAYS):
            path = folder / f"{day:02}.parquet"
            span = {"first": rows * day // DAYS, "last": rows * (day + 1) // DAYS, "rows": rows}
            sql = _SQL
            for name, value in span.items():
                sql = sql.replace(f"${name}", str(value))
            engine.connection.execute(f"COPY ({sql}) TO '{path}' (FORMAT parquet, COMPRESSION zstd)")
            files.append(path)
    return files
