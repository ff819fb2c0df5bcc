"""What is remembered: the ledger, keys, counters and the answer cache. An edge: files and databases live here."""
