"""The figures of three migration guides, worked out again with offramp's own pricing and sizing.

`prices` holds what the rows are worked out from, each price with its day; the other modules hold the rows; `page`
writes `docs/the-guides-rechecked.md`.
"""
