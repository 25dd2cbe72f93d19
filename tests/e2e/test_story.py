"""The story as two people live it: one-time link, project, invitation, judging side by side."""

import shutil
import socket
from collections.abc import Iterator
from typing import Any

import pytest

from tests.e2e.story import Story, likes_exclamations, number_in
from tests.outages.running import Site, copy_checkout, wait_until

pytestmark = [pytest.mark.slow, pytest.mark.browser]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    site = Site(copy_checkout(tmp_path_factory.mktemp("story") / "heed"), port)
    yield site
    if site.process is not None and site.process.poll() is None:
        site.stop()
    assert site.processes() == []
    shutil.rmtree(site.checkout)


@pytest.fixture
def page(page: Any) -> Any:
    """With patience: a training run and two servers may share two cores."""
    page.set_default_timeout(90_000)
    return page


@pytest.fixture
def link(site: Site) -> str:
    """A fresh owner link of the running site."""
    if site.process is None:
        return site.start(seconds=180)
    made = site.command("heed", "link")
    made.wait(60)
    return next(word for word in site.output.split() if "/link/" in word)


def test_two_people_see_each_others_effect_live(site: Site, link: str, page: Any, browser: Any) -> None:
    story = Story(site, page)
    story.enter(link)
    story.begin_project("Company")
    page.goto(story.url("members/"))
    page.get_by_role("button", name="Make a link").click()
    invitation = page.locator("pre.log").inner_text().strip()
    other = browser.new_context()
    friend = other.new_page()
    friend.set_default_timeout(90_000)
    friend.goto(invitation)
    friend.get_by_role("link", name="Create an account").click()
    friend.get_by_label("Username").fill("friend")
    for field in ("password1", "password2"):
        friend.locator(f"[name={field}]").fill("a-long-odd-word-7")
    friend.locator("main form button[type=submit], main form .button").first.click()
    friend.get_by_role("button", name="Join as friend").click()
    wait_until(lambda: friend.locator("#task").count(), 20, "the friend's judging page")
    page.goto(story.url())
    judged = page.locator(".tile", has_text="Judgments").locator("dd").first
    seen = number_in(judged.inner_text())
    theirs = Story(site, friend, story.slug)
    theirs.judge(likes_exclamations, 2)
    wait_until(lambda: number_in(judged.inner_text()) == seen + 2, 10, "the count on the owner's open page")
    other.close()
