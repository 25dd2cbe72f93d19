"""Live updates over LISTEN/NOTIFY."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest
from channels.layers import channel_layers

from alignment_site import direct, live

pytestmark = pytest.mark.django_db(transaction=True)
Message = dict[str, Any]


@pytest.fixture(autouse=True)
def no_thread_left() -> Iterator[None]:
    yield
    live.close()


def with_page(story: Callable[["Page"], Awaitable[None]]) -> None:
    """Run `story` with a page that has joined the group `project.1` through a layer of its own."""

    async def main() -> None:
        page = Page(live.PostgresChannelLayer())
        await page.layer.group_add("project.1", page.channel)
        assert await page.told() is not None  # connecting tells it to look once
        try:
            await story(page)
        finally:
            await page.layer.close()

    asyncio.run(main())


class Page:
    def __init__(self, layer: live.PostgresChannelLayer) -> None:
        self.layer = layer
        self.channel = "page.inmemory!one"

    async def told(self, seconds: float = 5.0) -> Message | None:
        try:
            return await asyncio.wait_for(self.layer.receive(self.channel), seconds)
        except TimeoutError:
            return None


def test_a_touch_reaches_pages_of_the_group_and_no_others() -> None:
    async def story(page: Page) -> None:
        live.touch("project.2")
        live.touch("project.1")
        assert await page.told() == {"type": "look.again", "group": "project.1"}
        assert await page.told(0.3) is None

    with_page(story)


def test_a_thousand_touches_in_half_a_second_become_at_most_ten_a_second() -> None:
    async def story(page: Page) -> None:
        started = time.monotonic()
        touches = 0
        while time.monotonic() - started < 0.5:
            live.touch("project.1")
            touches += 1
            await asyncio.sleep(0.0004)
        received = 0
        while await page.told(0.4):
            received += 1
        assert touches > 100
        assert 2 <= received <= 7

    with_page(story)


def test_the_last_touch_is_never_swallowed_by_the_limit() -> None:
    async def story(page: Page) -> None:
        live.touch("project.1")
        assert await page.told() is not None
        live.touch("project.1")
        assert await page.told(1.0) is not None

    with_page(story)


def test_after_a_lost_connection_the_page_is_told_to_look_again_and_updates_go_on() -> None:
    async def story(page: Page) -> None:
        for _ in range(2):
            cut_connections("heed listen")
            cut_connections("heed live")
            assert await page.told() == {"type": "look.again", "group": "project.1"}
            live.touch("project.1")
            assert await page.told() == {"type": "look.again", "group": "project.1"}

    with_page(story)


def cut_connections(name: str) -> None:
    with direct.connect("test") as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE application_name = %s AND datname = current_database()",
            [name],
        )


def test_a_message_to_a_group_crosses_processes_and_content_is_refused() -> None:
    async def story(page: Page) -> None:
        elsewhere = live.PostgresChannelLayer()
        await elsewhere.group_send("project.1", {"type": "run.moved", "run": 7})
        assert await page.told() == {"type": "run.moved", "run": 7}
        with pytest.raises(ValueError, match="7,900"):
            await elsewhere.group_send("project.1", {"type": "html", "html": "x" * 8_000})

    with_page(story)


def test_a_touch_on_a_site_with_another_layer_goes_through_that_layer(settings: Any) -> None:
    settings.CHANNEL_LAYERS = {"default": {"BACKEND": "tests.site.test_live.Recorder"}}
    channel_layers.backends.clear()
    live.touch("project.9")
    live.close()
    assert Recorder.sent == [("project.9", {"type": "look.again", "group": "project.9"})]


class Recorder:
    sent: list[tuple[str, Message]] = []

    async def group_send(self, group: str, message: Message) -> None:
        self.sent.append((group, message))
