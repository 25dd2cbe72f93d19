"""The judging page for everybody: screen readers, narrow screens, dark mode, no scripts."""

from collections.abc import Callable
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe

from labeling.models import Judgment, Project
from tests.conftest import LiveSite
from tests.e2e.conftest import settled
from tests.e2e.desk import long_answer, member, project_with, sign_in

pytestmark = [pytest.mark.browser, pytest.mark.slow]
Desk = Callable[[Project], Any]
RICH = """### A heading

Some `code`, a [link](https://a.example/), \u202ehidden\u202c, $x^2$ and ![image](https://a.example/i.png)

```python
print("a line that is much too long for a narrow column, so that the box has to scroll sideways, and on it goes")
```

| a | b |
|---|--:|
| 1 | 2 |

> quoted

$$\\sum_i x_i$$
"""


def assert_no_violation(page: Any) -> None:
    page.wait_for_timeout(1_600)  # past the animation of the last verdict, whose colours are half way
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 900, 1400])
def test_axe_finds_nothing_on_the_judging_page(desk: Desk, live_site: LiveSite, scheme: str, width: int) -> None:
    conversation = [
        {"role": "system", "content": "Be kind."},
        {"role": "user", "content": long_answer(400, "user")},
        {"role": "assistant", "content": "Yes."},
        {"role": "user", "content": "So?"},
    ]
    project = project_with(("Short?", RICH, RICH), (conversation, RICH, ""))
    page = desk(project)
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": width, "height": 800})
    assert_no_violation(page)
    page.keyboard.press("2")
    page.get_by_text("So?", exact=True).wait_for()
    page.keyboard.press("g")
    assert_no_violation(page)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


@pytest.mark.parametrize("key", ["s", "f", "?", "u", "r"])
def test_axe_finds_nothing_with_a_dialog_or_an_opened_judgment(desk: Desk, project: Project, key: str) -> None:
    page = desk(project)
    page.keyboard.press("2")
    page.get_by_text("Question 2?", exact=True).wait_for()
    settled(page)
    page.keyboard.press(key)
    assert_no_violation(page)


def test_axe_finds_nothing_on_an_empty_queue_and_the_history(desk: Desk, live_site: LiveSite) -> None:
    page = desk(project_with(("Only one?", "a", "b")))
    page.keyboard.press("2")
    page.get_by_text("Every comparison has its judgments.").wait_for()
    assert_no_violation(page)
    page.goto(f"{live_site.url}/p/letters/history/")
    assert_no_violation(page)


def test_a_verdict_moves_the_focus_to_the_new_comparison_and_says_so(desk: Desk, project: Project) -> None:
    page = desk(project)
    page.keyboard.press("2")
    page.get_by_text("Question 2?", exact=True).wait_for()
    assert page.evaluate("document.activeElement.id") == "task-heading"
    assert page.locator("#announce").inner_text() == "Recorded A is better"


def test_the_verdict_bar_never_leaves_the_view(desk: Desk, long_project: Project) -> None:
    page = desk(long_project)
    for height in (600, 900):
        page.set_viewport_size({"width": 1000, "height": height})
        for position in (0, 2_000, 100_000):
            page.evaluate(f"scrollTo(0, {position})")
            box = page.locator("#verdict").bounding_box()
            assert box["y"] + box["height"] == pytest.approx(height, abs=2)


def test_the_nine_buttons_fit_on_a_phone(desk: Desk, project: Project) -> None:
    page = desk(project)
    page.set_viewport_size({"width": 320, "height": 568})
    for step in page.locator(".step").all():
        box = step.bounding_box()
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 320
        assert box["width"] >= 40
        assert box["height"] >= 40
    assert page.locator("#verdict").bounding_box()["height"] < 568 * 0.4


def test_without_scripts_people_judge_skip_undo_and_keep_a_draft(
    browser: Any, live_site: LiveSite, project: Project
) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    sign_in(page, member(project), live_site.url)
    page.goto(f"{live_site.url}/p/letters/judge/")
    page.get_by_label("Reason, if you like").fill("half")
    page.get_by_role("button", name="Keep as a draft").click()
    assert page.get_by_label("Reason, if you like").input_value() == "half"
    page.get_by_role("button", name="B is better").click()
    assert page.get_by_text("Question 2?", exact=True).is_visible()
    page.reload()
    assert Judgment.objects.count() == 1
    page.get_by_role("button", name="Undo").click()
    assert page.get_by_text("Question 1?", exact=True).is_visible()
    page.get_by_role("button", name="About the same").click()
    assert page.get_by_text("Changed to “About the same”.").is_visible()
    page.goto(f"{live_site.url}/p/letters/judge/")
    page.get_by_role("button", name="Skip").first.click()
    page.get_by_role("button", name="Skip it").click()
    assert page.get_by_text("Question 3?", exact=True).is_visible()
    assert list(Judgment.objects.order_by("id").values_list("answer", flat=True)) == [6, 4]
    context.close()


def test_long_answers_open_in_place_together(desk: Desk, live_site: LiveSite) -> None:
    page = desk(project_with(("Long?", long_answer(6_000, "first"), long_answer(6_000, "second"))))
    before = page.evaluate("document.documentElement.scrollHeight")
    page.get_by_label("Show all of response A").focus()
    page.keyboard.press("Space")
    assert page.get_by_label("Show all of response B").is_checked()
    assert page.evaluate("document.documentElement.scrollHeight") > 4 * before
    assert Judgment.objects.count() == 0
