"""Live updates over PostgreSQL's LISTEN/NOTIFY: pages are told to look again, never what they will see.

`touch` is what actions call after their commit. It only marks a name; a thread sends the marks, at most ten a
second for each group, because a NOTIFY inside the judging transaction would serialise all commits.
"""

import asyncio
import atexit
import json
import threading
import time
from collections.abc import Iterable
from typing import Any

import psycopg
import structlog
from asgiref.sync import async_to_sync
from channels.layers import InMemoryChannelLayer, get_channel_layer

from alignment_site import direct

CHANNEL = "heed_live"
PAYLOAD_LIMIT = 7_900  # bytes; PostgreSQL refuses 8,000
INTERVAL = 0.1  # seconds between two notifications of one group from one process
FIRST_RETRY, LAST_RETRY = 0.1, 5.0  # seconds
SILENCE = 30.0  # seconds without a notification after which the connection is asked whether it still lives
LOOK_AGAIN = "look.again"

log = structlog.get_logger("heed.live")


def touch(group: str) -> None:
    """Tell every page in `group` to look again, soon. Cheap; never fails. For `transaction.on_commit`."""
    _publisher.mark(group)


def close() -> None:
    """Send what is marked and end the thread and its connection; a later `touch` starts them again."""
    _publisher.close()


class Publisher:
    """Collects group names and sends them from a thread of its own."""

    def __init__(self) -> None:
        self.changed = threading.Condition()
        self.marked: set[str] = set()
        self.sent_at: dict[str, float] = {}
        self.thread: threading.Thread | None = None
        self.closing = False

    def mark(self, group: str) -> None:
        with self.changed:
            if group in self.marked:
                return
            self.marked.add(group)
            if self.thread is None:
                self.closing = False
                self.thread = threading.Thread(target=self._run, name="live", daemon=True)
                self.thread.start()
            self.changed.notify()

    def close(self, seconds: float = 2.0) -> None:
        with self.changed:
            thread, self.closing = self.thread, True
            self.changed.notify()
        if thread is not None:
            thread.join(seconds)

    def _run(self) -> None:
        connection: psycopg.Connection[tuple[Any, ...]] | None = None
        while (groups := self._wait()) is not None:
            try:
                connection = self._send(groups, connection)
            except (psycopg.Error, OSError) as error:
                log.warning("live updates are not going out", error=str(error).strip())
                if connection is not None:
                    connection.close()
                connection = None
                self._put_back(groups)
        if connection is not None:
            connection.close()

    def _wait(self) -> list[str] | None:
        """The groups that are due now, as soon as there are any; None when the thread is to end."""
        with self.changed:
            while True:
                now = time.monotonic()
                self.sent_at = {group: at for group, at in self.sent_at.items() if now - at < INTERVAL}
                due = [group for group in self.marked if self.closing or group not in self.sent_at]
                if due:
                    self.marked.difference_update(due)
                    self.sent_at.update(dict.fromkeys(due, now))
                    return due
                if self.closing:
                    self.thread = None
                    return None
                self.changed.wait(INTERVAL if self.marked else None)

    def _put_back(self, groups: Iterable[str]) -> None:
        """Try again in a second, except at the end of the process."""
        with self.changed:
            if not self.closing:
                self.marked.update(groups)
                self.changed.wait(1.0)

    def _send(
        self, groups: list[str], connection: psycopg.Connection[tuple[Any, ...]] | None
    ) -> psycopg.Connection[tuple[Any, ...]] | None:
        layer = get_channel_layer()
        if not isinstance(layer, PostgresChannelLayer):
            for group in groups:
                async_to_sync(layer.group_send)(group, {"type": LOOK_AGAIN, "group": group})
            return connection
        if connection is None:
            connection = direct.connect("live")
        connection.execute("SELECT pg_notify(%s, name) FROM unnest(%s::text[]) AS name", [CHANNEL, groups])
        return connection


_publisher = Publisher()
atexit.register(close)


class PostgresChannelLayer(InMemoryChannelLayer):  # type: ignore[misc]  # channels has no annotations
    """Groups live in each process's memory; what is sent to a group travels through the database to all.

    Messages to a single channel stay inside the process. After a lost connection the layer connects by itself
    and tells every group to look again, because what was sent meanwhile is lost.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(group_expiry=30 * 86_400, **options)  # a page may stay open for days
        self.listener: asyncio.Task[None] | None = None
        self.loop: asyncio.AbstractEventLoop | None = None

    async def group_add(self, group: str, channel: str) -> None:
        await super().group_add(group, channel)
        loop = asyncio.get_running_loop()
        if self.listener is None or self.listener.done() or self.loop is not loop:
            self.loop, self.listener = loop, loop.create_task(self._listen())

    async def group_send(self, group: str, message: dict[str, Any]) -> None:
        """To every process. ValueError when the message is longer than a notification can be."""
        payload = json.dumps([group, message])
        if len(payload.encode()) > PAYLOAD_LIMIT:
            raise ValueError("A live message carries ids, not content: it must stay under 7,900 bytes.")
        async with await direct.connect_async("live") as connection:
            await connection.execute("SELECT pg_notify(%s, %s)", [CHANNEL, payload])

    async def close(self) -> None:
        if self.listener is not None:
            self.listener.cancel()
            await asyncio.gather(self.listener, return_exceptions=True)
            self.listener = None

    async def _listen(self) -> None:
        delay = FIRST_RETRY
        while True:
            try:
                async with await direct.connect_async("listen") as connection:
                    await connection.execute(f"LISTEN {CHANNEL}")
                    delay = FIRST_RETRY
                    await self._tell_everybody()
                    while True:
                        async for notification in connection.notifies(timeout=SILENCE):
                            await self._deliver(notification.payload)
                        await connection.execute("SELECT 1")
            except (psycopg.Error, OSError) as error:
                log.warning("live updates are interrupted", error=str(error).strip(), retry_in=delay)
            await asyncio.sleep(delay)
            delay = min(delay * 2, LAST_RETRY)

    async def _tell_everybody(self) -> None:
        for group in list(self.groups):
            await super().group_send(group, {"type": LOOK_AGAIN, "group": group})

    async def _deliver(self, payload: str) -> None:
        """A payload is a bare group name from `touch`, or the JSON list of `group_send`."""
        if payload.startswith("["):
            group, message = json.loads(payload)
        else:
            group, message = payload, {"type": LOOK_AGAIN, "group": payload}
        await super().group_send(group, message)
