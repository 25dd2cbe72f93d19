"""The socket that pages listen on. It only says which group has changed; what changed is fetched as a page."""

import re
import time
from typing import Any
from urllib.parse import parse_qs

from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncWebsocketConsumer

from labeling.access import may

# Every group is a project's own or a part of one: project-7, project-7-runs.
GROUP = re.compile(r"project-(\d{1,18})(-[a-z]+)?")
GROUPS_AT_MOST = 20
CHECKED_FOR = 30.0  # seconds after which membership is looked up again, so that a revoked member hears no more
NOT_ALLOWED = 4403


class LookAgain(AsyncWebsocketConsumer):  # type: ignore[misc]  # channels has no annotations
    """One page. It may listen to the groups of projects that its person is a member of."""

    groups_heard: list[str]
    checked_at: float

    async def connect(self) -> None:
        """Join the groups in the address, or close with 4403 when one of them is not allowed."""
        self.groups_heard = []
        wanted = parse_qs(self.scope["query_string"].decode("latin-1")).get("groups", [""])[0]
        groups = [name for name in wanted.split(",") if name]
        if not groups or len(groups) > GROUPS_AT_MOST or not await self._allowed(groups):
            await self.accept()  # a browser learns the code of a close only after the handshake
            await self.close(NOT_ALLOWED)
            return
        self.checked_at = time.monotonic()
        for group in groups:
            await self.channel_layer.group_add(group, self.channel_name)
            self.groups_heard.append(group)
        await self.accept()  # last: from here on nothing is missed

    async def disconnect(self, code: int) -> None:
        """Leave every group."""
        for group in self.groups_heard:
            await self.channel_layer.group_discard(group, self.channel_name)

    async def look_again(self, event: dict[str, Any]) -> None:
        """Pass the group's name on, as long as its person is still a member."""
        if time.monotonic() - self.checked_at > CHECKED_FOR:
            if not await self._allowed(self.groups_heard):
                await self.close(NOT_ALLOWED)
                return
            self.checked_at = time.monotonic()
        await self.send(text_data=str(event["group"]))

    async def _allowed(self, groups: list[str]) -> bool:
        found = [GROUP.fullmatch(group) for group in groups]
        projects = {int(match[1]) for match in found if match}
        return None not in found and bool(await database_sync_to_async(_may_all)(self.scope.get("user"), projects))


def _may_all(person: Any, projects: set[int]) -> bool:
    person = getattr(person, "_wrapped", person)  # the middleware's lazy object
    return all(may(person, project_id) for project_id in projects)
