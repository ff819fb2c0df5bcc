"""What Alembic runs: the migrations, on the connection that `upgrade` hands over."""

from alembic import context

from offramp.migrate.ledger.tables import METADATA

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    render_as_batch=True,
    transactional_ddl=False,
)
context.run_migrations()
