"""Run by `flask db`: gives Alembic the database and the tables of the application."""

import logging

from alembic import context
from flask import current_app

logging.basicConfig(format="%(name)s: %(message)s")
for name in ("alembic.runtime.migration", "alembic.autogenerate"):
    logging.getLogger(name).setLevel(logging.INFO)

settings = current_app.extensions["migrate"]
engine = settings.db.engine
options = dict(settings.configure_args, target_metadata=settings.db.metadata)


def leave_out_empty(migration_context, revision, directives):
    """Write no migration where the tables are as the database has them."""
    compared = getattr(context.config.cmd_opts, "autogenerate", False)
    if compared and directives[0].upgrade_ops.is_empty():
        del directives[:]
        print("The database has all that the models have: there is nothing to migrate")


options.setdefault("process_revision_directives", leave_out_empty)

if context.is_offline_mode():
    context.configure(url=engine.url, literal_binds=True, **options)
    with context.begin_transaction():
        context.run_migrations()
else:
    with engine.connect() as connection:
        context.configure(connection=connection, **options)
        with context.begin_transaction():
            context.run_migrations()
