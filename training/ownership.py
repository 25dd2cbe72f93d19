"""One process looks after a project: whoever holds its advisory lock, on a connection of its own."""

import psycopg

from alignment_site import direct
from alignment_site.locks import LockClass


class Ownership:
    """The lock of one project. PostgreSQL gives it back when the process or the connection dies."""

    def __init__(self, project_id: int) -> None:
        self.project_id = project_id
        self.connection: psycopg.Connection[tuple[object, ...]] | None = None

    def acquire(self) -> bool:
        """Take the lock if nobody holds it. Returns whether it is ours now."""
        if self.connection is not None:
            return self.holds()
        connection = direct.connect(f"owner of project {self.project_id}")
        key = [LockClass.OWNERSHIP, self.project_id]
        row = connection.execute("SELECT pg_try_advisory_lock(%s, %s)", key).fetchone()
        if row is None or not row[0]:
            connection.close()
            return False
        self.connection = connection
        return True

    def holds(self) -> bool:
        """Whether the connection that carries the lock still lives; one empty round trip."""
        if self.connection is None:
            return False
        try:
            self.connection.execute("SELECT 1")
        except psycopg.Error:
            self.release()
            return False
        return True

    def release(self) -> None:
        """Give the lock back."""
        connection, self.connection = self.connection, None
        if connection is not None:
            connection.close()
