"""A column type of PostgreSQL's that Django does not know."""

from typing import TYPE_CHECKING, Any

from django.db import models
from django.db.models.expressions import Func

if TYPE_CHECKING:
    IntegerColumn = models.Field[int, int]
else:
    IntegerColumn = models.Field


class TransactionIdField(IntegerColumn):
    """An `xid8`: the 64-bit id of the transaction that wrote the row.

    A reader that remembers `pg_snapshot_xmin(pg_current_snapshot())` and later asks for rows at or above it
    misses none: every transaction below that mark had ended when the mark was taken.
    """

    def db_type(self, connection: Any) -> str:
        """Name the column's type."""
        return "xid8"

    def from_db_value(self, value: Any, expression: Any, connection: Any) -> int | None:
        """Read the id as a number."""
        return None if value is None else int(value)

    def get_prep_value(self, value: Any) -> str | None:
        """Write the id as text, which is how PostgreSQL takes an xid8."""
        return None if value is None else str(value)


class CurrentTransactionId(Func):
    """`pg_current_xact_id()`, as a column's default."""

    function = "pg_current_xact_id"
    template = "%(function)s()"
    output_field = TransactionIdField()
