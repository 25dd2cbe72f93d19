"""The whole story, as a stranger lives it: from the one-time link to a promoted policy and an export."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.story import Story, likes_exclamations, number_in, sees_no_difference, until_learned
from tests.outages.running import Site, fresh_site, wait_until

pytestmark = [pytest.mark.slow, pytest.mark.browser]

ROWS = [{"prompt": f"Say hello to guest {n}.", "chosen": f"Hello, guest {n}!", "rejected": "Next."} for n in range(5)]
AT_MOST = 150  # judgments after the run until the gate has decided


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    site = fresh_site(tmp_path_factory.mktemp("story") / "heed")
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


def test_a_stranger_teaches_a_policy_and_the_gate_promotes_it(site: Site, link: str, page: Any, tmp_path: Path) -> None:
    story = Story(site, page)
    story.enter(link)
    story.begin_project("Gladness", train_every_judgments="1000", duel_share="0.6")
    file = tmp_path / "rows.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    story.import_rows(file)
    until_learned(story, 0)
    wait_until(story.queue_head, 60, "a scored queue")
    head, prompts = story.queue_head(), ("Give me a tip for a rainy day.", "How can I sleep better?")
    before = [story.tried(prompt, 7)["Steered"] for prompt in prompts]

    assert story.judge(likes_exclamations, 30) == 30
    until_learned(story, 20)
    assert story.queue_head() != head
    after = [story.tried(prompt, 7)["Steered"] for prompt in prompts]
    assert after != before
    assert sum(text.count("!") for text in after) >= sum(text.count("!") for text in before)

    story.judge(likes_exclamations, 30)
    story.train()
    given = story.judge(likes_exclamations, AT_MOST, until=lambda: story.decision() != "")
    assert story.decision() == "Promoted", f"after {given} judgments: {story.text('main')}"

    page.goto(story.url())
    page.locator(".tile", has_text="version 2").wait_for(timeout=60_000)
    wait_until(lambda: "Version 2" in new_policy_in_queue(story), 60, "a response of version 2 in the queue")
    rows, manifest = story.exported()
    assert rows and all({"prompt", "chosen", "rejected"} <= set(row) for row in rows)
    assert all(row["split"] == "train" for row in rows)
    assert manifest["rows"] == len(rows)


def new_policy_in_queue(story: Story) -> str:
    """What the lineage page says of the newest response that somebody just judged."""
    story.judge(likes_exclamations, 1)
    page = story.page.context.new_page()
    try:
        page.goto(story.url("history/"))
        judged = page.get_by_role("link", name="Open").first.get_attribute("href")
        page.goto(story.url(f"lineage/judgments/{number_in(str(judged).rsplit('history/', 1)[1])}/"))
        page.locator("ol.list a").first.click()
        return str(page.locator("main").inner_text())
    finally:
        page.close()


def test_a_candidate_that_is_no_better_is_refused_with_its_reason(site: Site, link: str, page: Any) -> None:
    story = Story(site, page)
    story.enter(link)
    story.begin_project("Sameness", train_every_judgments="1000", duel_share="0.9", duel_budget="20")
    story.judge(likes_exclamations, 40)
    story.train()
    # Whoever looks at the duels is of another mind: to them the retrained policy is no better.
    given = story.judge(sees_no_difference, AT_MOST, until=lambda: story.decision() != "")
    assert story.decision() == "Refused", f"after {given} judgments: {story.text('main')}"
    page.goto(story.url())
    said = page.locator("section.card", has_text="Last decision").inner_text()
    assert "duel" in said
    assert page.locator(".tile", has_text="version 1").count() == 1


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
