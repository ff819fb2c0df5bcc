"""What a file of the history holds must be what the ledger holds."""

from offramp.migrate.history.columns import ATTEMPT, EXCHANGE
from offramp.migrate.ledger.tables import ATTEMPTS, EXCHANGES

_KINDS = {
    "INTEGER": "BIGINT",
    "BIGINT": "BIGINT",
    "VARCHAR": "VARCHAR",
    "BLOB": "BLOB",
    "BOOLEAN": "BOOLEAN",
    "FLOAT": "DOUBLE",
}


def test_a_file_has_the_columns_of_the_ledger() -> None:
    """A column that was added to the tables alone would be lost with the first hour that is moved."""
    assert {column.name: _KINDS[str(column.type)] for column in EXCHANGES.columns} == EXCHANGE


def test_an_attempt_has_the_columns_of_the_ledger() -> None:
    """But the number of the exchange that it lies in."""
    assert {
        column.name: _KINDS[str(column.type)] for column in ATTEMPTS.columns if column.name != "exchange"
    } == ATTEMPT
