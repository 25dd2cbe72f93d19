"""Migrations that wait, and what to say of a command that failed because of them."""

from collections.abc import Iterator

from django.db import DatabaseError, Error, OperationalError, connection
from django.db.migrations.executor import MigrationExecutor


def waiting() -> int:
    """How many migrations of this code the database does not have yet."""
    executor = MigrationExecutor(connection)
    return len(executor.migration_plan(executor.loader.graph.leaf_nodes()))


def behind(error: BaseException) -> str:
    """One sentence where the database refused something and is older than the code; else empty."""
    refused = any(isinstance(one, DatabaseError) and not isinstance(one, OperationalError) for one in _chain(error))
    if not refused:
        return ""
    try:
        missing = waiting()
    except Error:
        return ""  # then the first error is the one to show
    if not missing:
        return ""
    lacks = "one migration" if missing == 1 else f"{missing} migrations"
    return f"The database is older than the code (it lacks {lacks}): run make up, or manage.py migrate."


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
