"""Cursors whose statements the server plans once: for the few statements that every judgment runs.

Django sends parameters inside the text, so that the server parses and plans each statement anew; for judging that is
half of the server's work. Django can also bind them on the server for everything, but then writes every integer in
an expression as four bytes and silently cuts larger ones off (seen with Overlap on an array of bigint).
"""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection
from django.db.backends.postgresql.base import ServerBindingCursor
from django.db.backends.utils import CursorWrapper


@contextmanager
def prepared_cursor() -> Iterator[CursorWrapper]:
    """As `connection.cursor()`, for hand-written SQL whose text does not change.

    From its third use on a connection a statement is prepared there. Behind a transaction pooler
    (DATABASE_DIRECT_URL is set) it is only sent with its parameters apart.
    """
    connection.ensure_connection()
    raw = connection.connection
    usual, raw.cursor_factory = raw.cursor_factory, ServerBindingCursor
    try:
        with connection.cursor() as cursor:
            yield cursor
    finally:
        raw.cursor_factory = usual
