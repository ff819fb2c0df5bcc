"""`/v1/models`: what the passthrough upstream lists, with the models that routes answer for."""

from offramp.gateway.plan import Plan
from offramp.wire import models


def models_answer(plan: Plan, upstream_body: bytes | None) -> bytes:
    """The merged list."""
    bodies = [] if upstream_body is None else [upstream_body]
    return models.merge(bodies, list(plan.aliases), plan.loaded_unix_s)
