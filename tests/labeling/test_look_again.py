"""The socket of open pages: who may listen, to what, and that it says nothing but "look again"."""

# mypy: disallow-untyped-calls=False

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from asgiref.testing import ApplicationCommunicator
from channels.layers import channel_layers
from django.conf import settings
from django.test import Client, override_settings
from django.utils import timezone

from alignment_site.asgi import application
from labeling.live import looking
from labeling.models import Membership, Person, Project
from tests.e2e.desk import member, project_with

pytestmark = pytest.mark.django_db(transaction=True)
IN_MEMORY = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}
HERE = settings.HEED_URL


@pytest.fixture(autouse=True)
def _layer_in_memory() -> Any:
    with override_settings(CHANNEL_LAYERS=IN_MEMORY):
        channel_layers.backends.clear()
        yield
        channel_layers.backends.clear()


@pytest.fixture
def project() -> Project:
    return project_with()


class Socket(ApplicationCommunicator):
    """A browser's end of the socket."""

    async def connect(self) -> bool:
        await self.send_input({"type": "websocket.connect"})
        return bool((await self.receive_output(5))["type"] == "websocket.accept")

    async def told(self) -> str:
        message = await self.receive_output(5)
        assert message["type"] == "websocket.send"
        return str(message["text"])


def page(groups: str, person: Person | None = None, origin: str = HERE) -> Socket:
    headers = [(b"origin", origin.encode())]
    if person is not None:
        client = Client()
        client.force_login(person)
        cookie = f"{settings.SESSION_COOKIE_NAME}={client.cookies[settings.SESSION_COOKIE_NAME].value}"
        headers.append((b"cookie", cookie.encode()))
    query = f"groups={groups}".encode()
    scope = {"type": "websocket", "path": "/live/", "query_string": query, "headers": headers, "subprotocols": []}
    return Socket(application, scope)


def told(group: str) -> dict[str, str]:
    return {"type": "look.again", "group": group}


def run(story: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(asyncio.wait_for(story(), 20))


def assert_turned_away(socket: Socket) -> None:
    async def story() -> None:
        assert await socket.connect()
        closing = await socket.receive_output(timeout=5)
        assert (closing["type"], closing["code"]) == ("websocket.close", looking.NOT_ALLOWED)

    run(story)


def test_a_member_is_told_which_group_changed_and_nothing_else(project: Project) -> None:
    socket = page(f"project-{project.pk},project-{project.pk}-runs", member(project))

    async def story() -> None:
        assert await socket.connect()
        await channel_layers["default"].group_send(f"project-{project.pk}-runs", told(f"project-{project.pk}-runs"))
        assert await socket.told() == f"project-{project.pk}-runs"
        assert await socket.receive_nothing()
        await socket.send_input({"type": "websocket.disconnect", "code": 1000})
        await socket.wait()

    run(story)


def test_a_stranger_is_turned_away(project: Project) -> None:
    assert_turned_away(page(f"project-{project.pk}", Person.objects.create_user(username="mallory")))


def test_nobody_listens_without_signing_in(project: Project) -> None:
    assert_turned_away(page(f"project-{project.pk}"))


def test_one_foreign_group_spoils_the_whole_request(project: Project) -> None:
    other = project_with(name="Other", slug="other")
    assert_turned_away(page(f"project-{project.pk},project-{other.pk}", member(project)))


def test_names_that_are_no_groups_are_turned_away(project: Project) -> None:
    person = member(project)
    for groups in ("", "everything", "project-", "project-1;drop", "project-x", ",".join(["project-1"] * 21)):
        assert_turned_away(page(groups, person))


def test_a_page_of_another_site_cannot_connect(project: Project) -> None:
    socket = page(f"project-{project.pk}", member(project), origin="https://evil.example")

    async def story() -> None:
        assert not await socket.connect()

    run(story)


def test_a_revoked_member_hears_no_more(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(looking, "CHECKED_FOR", 0.0)
    person = member(project)
    socket = page(f"project-{project.pk}", person)

    async def story() -> None:
        assert await socket.connect()
        await Membership.objects.filter(person=person).aupdate(revoked_at=timezone.now())
        await channel_layers["default"].group_send(f"project-{project.pk}", told(f"project-{project.pk}"))
        closing = await socket.receive_output(timeout=5)
        assert (closing["type"], closing["code"]) == ("websocket.close", looking.NOT_ALLOWED)

    run(story)
