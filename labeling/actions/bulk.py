"""Many rows at once by COPY, about ten times faster than Django's own bulk insert."""

from collections.abc import Iterable, Sequence
from typing import Any

from django.db import connection, models


def reserve_ids(model: type[models.Model], count: int) -> list[int]:
    """Take `count` ids from a table's sequence, so that rows which point at each other can be copied."""
    table = connection.ops.quote_name(model._meta.db_table)
    sequence = "SELECT nextval(pg_get_serial_sequence(%s, 'id')) FROM generate_series(1, %s)"
    with connection.cursor() as cursor:
        cursor.execute(sequence, [table, count])
        return [int(row[0]) for row in cursor.fetchall()]


def copy_rows(model: type[models.Model], fields: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Copy rows into a model's table. `fields` are field names; JSON comes as text, the rest as Python values.

    Fields that are not named get their default.
    """
    named = [model._meta.get_field(name) for name in fields]
    columns = [str(getattr(field, "column")) for field in named]  # noqa: B009
    constant = []
    for field in model._meta.concrete_fields:
        left_to_database = field.primary_key or field.null or field.generated or field.has_db_default()
        if field not in named and not left_to_database:
            columns.append(str(field.column))
            constant.append(field.get_db_prep_save(field.get_default(), connection))
    table = connection.ops.quote_name(model._meta.db_table)
    listed = ", ".join(connection.ops.quote_name(column) for column in columns)
    with connection.cursor() as cursor, cursor.copy(f"COPY {table} ({listed}) FROM STDIN") as copy:
        for row in rows:
            copy.write_row([*row, *constant])
