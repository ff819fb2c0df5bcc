"""The models we call: HTTP client, connection pool, health probes, the simulated engine. An edge."""
