"""From the key to the next comparison on screen, in Chromium on the whole site, by hand and beside a training run."""

import random
import shutil
import time
from collections.abc import Iterator
from typing import Any

import pytest

from alignment_site.benching.judging import percentile
from tests.e2e.story import Story
from tests.outages.running import Site, fresh_site, wait_until

pytestmark = [pytest.mark.slow, pytest.mark.browser]

KEYS = "1234567"
CLICKS, WARM_UP = 60, 5
QUIET = 340  # ms: keys are no verdicts within 300 ms of the page's change
PATIENCE = 180.0  # seconds
ALONE, TRAINING = 100.0, 200.0  # ms, at most, in 95 of 100

# From the key's own time stamp to the first task after the frame that shows the next comparison.
STOPWATCH = """() => {
  window.spans = [];
  let began = 0;
  addEventListener("keydown", (event) => { began = event.timeStamp; }, true);
  document.addEventListener("heed:swapped", () => requestAnimationFrame(() => {
    const painted = new MessageChannel();
    painted.port1.onmessage = () => window.spans.push(performance.now() - began);
    painted.port2.postMessage(0);
  }));
}"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    site = fresh_site(tmp_path_factory.mktemp("speed") / "heed")
    yield site
    if site.process is not None and site.process.poll() is None:
        site.stop()
    shutil.rmtree(site.checkout)


def spans(page: Any, count: int) -> list[float]:
    """Judge so many comparisons by keyboard; milliseconds from each key to the next comparison on screen."""
    chance = random.Random(5)
    page.locator("#task[data-lease]").wait_for(timeout=PATIENCE * 1000)
    page.evaluate(STOPWATCH)
    for number in range(count):
        page.wait_for_timeout(QUIET + chance.uniform(0, 100))
        page.keyboard.press(chance.choice(KEYS))
        page.wait_for_function("count => window.spans.length > count", arg=number, timeout=30_000)
        assert page.locator("#task[data-lease]").count() == 1, "the queue ran dry"
    measured: list[float] = page.evaluate("window.spans")
    return measured


def told(what: str, measured: list[float]) -> float:
    """The 95th percentile, printed with its surroundings."""
    p50, p95 = percentile(measured, 0.5), percentile(measured, 0.95)
    print(f"{what}: p50 {p50:.0f} ms, p95 {p95:.0f} ms, max {max(measured):.0f} ms, n = {len(measured)}")
    return p95


def waiting(story: Story) -> int:
    """How many comparisons the project page says wait in the queue."""
    story.page.goto(story.url())
    tile = story.page.locator(".tile", has_text="Waiting in the queue").locator("dd").first
    return int(tile.inner_text().replace(",", ""))


def test_the_next_comparison_is_on_screen_at_once_also_while_a_run_trains(site: Site, page: Any) -> None:
    story = Story(site, page, "everyday-answers")
    story.enter(site.start())
    wait_until(lambda: waiting(story) >= CLICKS + WARM_UP, PATIENCE, "a filled queue")
    page.goto(story.url("judge/"))
    alone = spans(page, CLICKS + WARM_UP)[WARM_UP:]
    p95_alone = told("alone", alone)

    page.goto(story.url("runs/"))
    page.get_by_role("button", name="Retrain the policy now").click()
    page.locator("#run progress.meter").wait_for(timeout=PATIENCE * 1000)
    run = page.url
    time.sleep(2.0)
    page.goto(story.url("judge/"))
    beside = spans(page, CLICKS + WARM_UP)[WARM_UP:]
    p95_beside = told("while a run trains", beside)
    page.goto(run)
    assert page.locator("#run .badge.live").count() == 1, "the run ended before the measurement did"
    assert p95_alone <= ALONE
    assert p95_beside <= TRAINING
