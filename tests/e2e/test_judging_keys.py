"""Judging by keyboard in Chromium: each key does what its button says, and never anything by accident."""

from collections.abc import Callable
from typing import Any

import pytest

from labeling.models import Judgment, Project
from tests.e2e.conftest import settled

pytestmark = pytest.mark.browser
Desk = Callable[[Project], Any]


def press(page: Any, key: str) -> None:
    page.keyboard.press(key)
    page.wait_for_timeout(150)


def judged(page: Any, question: str) -> None:
    """Wait for the next comparison."""
    page.get_by_text(question, exact=True).wait_for()
    settled(page)


def answers() -> list[int]:
    return list(Judgment.objects.order_by("id").values_list("answer", flat=True))


def test_six_keys_store_six_verdicts(desk: Desk, project: Project) -> None:
    page = desk(project)
    for number, key in enumerate(["1", "ArrowRight", "Shift+ArrowLeft", "9", "0"], start=2):
        page.keyboard.press(key)
        judged(page, f"Question {number}?")
    assert answers() == [1, 6, 1, 9, 0]
    page.keyboard.press("Shift+ArrowRight")
    page.get_by_text("Every comparison has its judgments.").wait_for()
    assert answers()[-1] == 7


def test_every_digit_is_its_button(desk: Desk, project: Project) -> None:
    page = desk(project)
    for number, key in enumerate(["3", "4", "5", "7", "ArrowLeft"], start=2):
        page.keyboard.press(key)
        judged(page, f"Question {number}?")
    assert answers() == [3, 4, 5, 7, 2]


def test_clicking_stores_what_the_button_says(desk: Desk, project: Project) -> None:
    page = desk(project)
    page.get_by_role("button", name="B is slightly better").click()
    judged(page, "Question 2?")
    assert answers() == [5]
    assert "B is slightly better" in page.locator(".recorded").inner_text()


def test_the_second_click_of_a_double_click_judges_nothing(desk: Desk, project: Project) -> None:
    page = desk(project)
    page.get_by_role("button", name="A is much better").dblclick()
    judged(page, "Question 2?")
    assert answers() == [1]


def test_nothing_is_a_verdict_within_300_ms_of_a_change(desk: Desk, project: Project) -> None:
    page = desk(project)
    page.keyboard.press("2")
    page.get_by_text("Question 2?", exact=True).wait_for()
    page.keyboard.press("2")
    settled(page)
    assert answers() == [2]


def test_a_key_that_is_held_down_judges_once(desk: Desk, project: Project) -> None:
    page = desk(project)
    for _ in range(30):  # the second and later ones are marked as repeats
        page.keyboard.down("6")
        page.wait_for_timeout(30)
    page.keyboard.up("6")
    settled(page)
    assert answers() == [6]


@pytest.mark.parametrize(
    "chord", ["Alt+ArrowLeft", "Control+1", "Alt+1", "Control+ArrowRight", "Shift+s", "8", "Enter"]
)
def test_chords_and_other_keys_judge_nothing(desk: Desk, project: Project, chord: str) -> None:
    page = desk(project)
    press(page, chord)
    assert answers() == []


def test_typing_a_reason_judges_nothing_and_is_stored_with_the_verdict(desk: Desk, project: Project) -> None:
    page = desk(project)
    press(page, "r")
    page.keyboard.type("1 is 2 times as kind, s f u g n ? 0 9")
    page.keyboard.press("ArrowLeft")
    page.get_by_text("Draft kept.").wait_for()
    assert answers() == []
    press(page, "Escape")
    page.keyboard.press("3")
    judged(page, "Question 2?")
    assert Judgment.objects.get().reason.text == "1 is 2 times as kind, s f u g n ? 0 9"


@pytest.mark.parametrize(("opener", "dialog"), [("s", "#skip-dialog"), ("f", "#flag-dialog"), ("?", "#keys-dialog")])
def test_no_verdict_with_a_dialog_open(desk: Desk, project: Project, opener: str, dialog: str) -> None:
    page = desk(project)
    press(page, opener)
    assert page.locator(dialog).is_visible()
    press(page, "2")
    press(page, "Escape")
    assert not page.locator(dialog).is_visible()
    assert answers() == []
    page.keyboard.press("2")
    judged(page, "Question 2?")


def test_skip_takes_a_reason_and_goes_on(desk: Desk, project: Project) -> None:
    page = desk(project)
    press(page, "s")
    page.get_by_label("Why").select_option("language")
    page.get_by_role("button", name="Skip it").click()
    judged(page, "Question 2?")
    assert answers() == []


def test_undo_reopens_and_the_next_key_amends(desk: Desk, project: Project) -> None:
    page = desk(project)
    page.keyboard.press("2")
    judged(page, "Question 2?")
    page.keyboard.press("u")
    judged(page, "Question 1?")
    page.keyboard.press("5")
    judged(page, "Question 2?")
    first, second = Judgment.objects.order_by("id")
    assert (first.answer, second.answer, second.amends_id) == (2, 5, first.pk)


def test_a_judgment_opened_from_the_history_is_amended_and_leads_back(desk: Desk, project: Project) -> None:
    page = desk(project)
    page.keyboard.press("2")
    judged(page, "Question 2?")
    page.goto(page.url.replace("judge", "history"))
    page.get_by_role("link", name="Open the judgment of").click()
    judged(page, "Question 1?")
    page.keyboard.press("5")
    page.get_by_text("Changed to “B is slightly better”.").wait_for()
    assert answers() == [2, 5]


def test_guidelines_open_beside_the_task_and_stay_open(desk: Desk, project: Project) -> None:
    page = desk(project)
    press(page, "g")
    assert page.get_by_role("complementary").is_visible()
    page.keyboard.press("2")
    judged(page, "Question 2?")
    assert page.get_by_role("complementary").is_visible()
    page.reload()
    assert page.get_by_role("complementary").is_visible()


def test_single_keys_can_be_switched_off_for_good(desk: Desk, project: Project) -> None:
    page = desk(project)
    page.get_by_role("switch", name="Single keys").click()
    page.locator("#desk[data-keys=off]").wait_for()
    press(page, "2")
    page.reload()
    settled(page)
    press(page, "2")
    assert answers() == []
    page.get_by_role("button", name="A is better", exact=False).first.focus()
    page.keyboard.press("Space")  # without single keys a button is an ordinary button
    judged(page, "Question 2?")


def test_scrolling_two_long_answers_by_keyboard_stores_nothing(desk: Desk, long_project: Project) -> None:
    page = desk(long_project)
    page.mouse.click(300, 400)  # into the text
    for key in ["ArrowDown", "ArrowUp", "Space", "PageDown", "PageUp", "Shift+Space", "End", "Home"] * 3:
        press(page, key)
    for _ in range(40):
        page.keyboard.press("Space")
    page.wait_for_timeout(500)
    assert page.evaluate("scrollY") > 1500
    assert answers() == []


@pytest.mark.parametrize("button", ["A is much better", "B is much better"])
def test_space_scrolls_also_when_a_verdict_s_button_has_the_focus(
    desk: Desk, long_project: Project, button: str
) -> None:
    page = desk(long_project)
    page.get_by_role("button", name=button).focus()
    for key in ["Space", "PageDown", "ArrowDown", "Space"]:
        press(page, key)
    page.wait_for_timeout(300)
    assert page.evaluate("scrollY") > 500
    assert answers() == []


def test_arrows_extend_a_selection_instead_of_judging(desk: Desk, project: Project) -> None:
    page = desk(project)
    page.locator(".response.a .prose p").dblclick()
    settled(page)
    press(page, "Shift+ArrowRight")
    assert answers() == []
