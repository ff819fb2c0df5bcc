"""What the configuration says of the ledger's history reaches the process that keeps it."""

from offramp.compose.startup import ledger_keeping
from offramp.config.model import Settings
from offramp.store.move_child import Keeping


def _settings(ledger: dict[str, int]) -> Settings:
    return Settings.model_validate({"upstreams": {"own": {"base_url": "http://127.0.0.1:9/v1"}}, "ledger": ledger})


def test_hours_move_after_six_hours_and_nothing_is_deleted_by_default() -> None:
    """Deleting is somebody's decision."""
    assert ledger_keeping(_settings({})) == Keeping(after_h=6, retention_days=None)


def test_both_can_be_said() -> None:
    """In the units of their names."""
    found = ledger_keeping(_settings({"history_after_h": 24, "retention_days": 90}))

    assert found == Keeping(after_h=24, retention_days=90)
