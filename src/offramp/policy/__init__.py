"""Facts and the time in, a decision out: routing, failover, breaker, retry budget. Pure: the edge acts."""
