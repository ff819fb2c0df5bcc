-- The figures of an audit, each asked for by itself, as somebody would who knows SQL. `{sums}` stands for the sums that
-- every group has, `{one|another}` for alternatives: the query is asked with each; `{=}` repeats it.

-- sums by group
SELECT {team|feature|site|model_asked|model_served|tier|operation|key|service_tier|usage}, {sums} FROM exchanges GROUP BY 1;
SELECT {sums} FROM exchanges;
SELECT features, {sums} FROM exchanges GROUP BY 1;
SELECT started_ns // 86400000000000, {sums} FROM exchanges GROUP BY 1;
SELECT outcome, error_code, status, tier, count(*) FROM exchanges WHERE outcome <> 'ok' GROUP BY ALL;

-- parameters and lengths
SELECT min(started_ns), max(started_ns), count(*) FILTER (n > 1), max(n), count(max_tokens), max(max_tokens), max(tools),
    sum(messages), max(messages), count(*) FILTER (finish_reason = 'length'), count(input_tokens), max(input_tokens),
    max(output_tokens), max(input_tokens + output_tokens), sum(total_s), max(total_s), count(*) FILTER (total_s < 0),
    count(*) FILTER (input_tokens < 0),
    count(*) FILTER (input_tokens + output_tokens > 4096), count(*) FILTER (input_tokens + output_tokens > 8192),
    count(*) FILTER (input_tokens + output_tokens > 16384), count(*) FILTER (input_tokens + output_tokens > 32768),
    count(*) FILTER (input_tokens + output_tokens > 65536), count(*) FILTER (input_tokens + output_tokens > 131072),
    count(*) FILTER (input_tokens + output_tokens > 1000000)
FROM exchanges;
SELECT quantile_disc(input_tokens, [0.5, 0.95, 0.99]), quantile_disc(output_tokens, [0.5, 0.95, 0.99]),
    quantile_disc(input_tokens + output_tokens, [0.5, 0.95, 0.99])
FROM exchanges;

-- latency
SELECT {'all'|operation|model_served|tier}, quantile_disc(ttft_s, [0.5, 0.95, 0.99]), quantile_disc(total_s, [0.5, 0.95, 0.99]),
    quantile_disc(CASE WHEN features & 1 <> 0 THEN ttft_s END, [0.5, 0.95, 0.99]),
    quantile_disc(CASE WHEN features & 1 <> 0 AND output_tokens > 1 THEN (total_s - ttft_s) / (output_tokens - 1) END,
        [0.5, 0.95, 0.99])
FROM exchanges WHERE outcome = 'ok' GROUP BY 1;

-- histograms
SELECT floor(8 * log10({ttft_s|total_s|input_tokens|output_tokens|(input_tokens + output_tokens)})), count(*)
FROM exchanges WHERE outcome = 'ok' GROUP BY 1;
SELECT floor(8 * log10(ttft_s)), count(*) FROM exchanges WHERE outcome = 'ok' AND features & 1 <> 0 GROUP BY 1;
SELECT floor(8 * log10((total_s - ttft_s) / (output_tokens - 1))), count(*)
FROM exchanges WHERE outcome = 'ok' AND features & 1 <> 0 AND output_tokens > 1 AND total_s > ttft_s GROUP BY 1;

-- rate limits
WITH most AS (SELECT tier, model_served, max({ratelimit_requests|ratelimit_tokens}) AS most FROM exchanges GROUP BY ALL)
SELECT tier, model_served, min({=}), any_value(most), count({=}), count(*) FILTER ({=} < most / 10)
FROM exchanges JOIN most USING (tier, model_served) GROUP BY ALL;

-- arrivals
WITH one AS (SELECT started_ns // {1000000000|60000000000|3600000000000} AS place, count(*) AS number FROM exchanges GROUP BY 1)
SELECT max(place) - min(place) + 1, sum(number), sum(number * number), max(number), arg_max(place, number) FROM one;
SELECT tier, started_ns // 3600000000000, count(*) FROM exchanges GROUP BY 1, 2;
SELECT dayofweek(make_timestamp_ns(started_ns)), hour(make_timestamp_ns(started_ns)), count(*) FROM exchanges GROUP BY 1, 2;

-- in flight
WITH events AS (
    SELECT started_ns AS moment, 1 AS change FROM exchanges
    UNION ALL SELECT started_ns + (total_s * 1000000000)::BIGINT, -1 FROM exchanges
), running AS (SELECT sum(change) OVER (ORDER BY moment, change DESC) AS inside FROM events)
SELECT max(inside) FROM running;
SELECT sum(total_s) / (max(started_ns / 1e9 + total_s) - min(started_ns / 1e9)) FROM exchanges;

-- repeated requests
SELECT count(*) - count(DISTINCT request_hash) FROM exchanges WHERE outcome = 'ok' AND tier <> 'cache';
WITH one AS (
    SELECT count(*) AS number, sum(cost_nano) - arg_min(cost_nano, started_ns) AS saved,
        sum(total_s) - arg_min(total_s, started_ns) AS waited
    FROM exchanges WHERE outcome = 'ok' AND tier <> 'cache'
    GROUP BY request_hash, started_ns // {60000000000|3600000000000|86400000000000|604800000000000}
)
SELECT sum(number - 1), sum(saved), sum(waited) FROM one WHERE number > 1;

-- system prompts
SELECT system_hash, count(*), max(system_bytes), sum(input_tokens), sum(cached_tokens) FROM exchanges GROUP BY 1;
