"""Alembic's entry: it runs on the connection that `labstudio.database.engine` holds."""

from __future__ import annotations

from alembic import context

from labstudio.database.engine import VERSION_TABLE
from labstudio.database.tables import metadata

connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=metadata,
    version_table=VERSION_TABLE,
    render_as_batch=True,
    transactional_ddl=False,
)
context.run_migrations()
