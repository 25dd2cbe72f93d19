"""When the server does not answer: nothing moves, nothing is lost, nothing is doubled."""

from collections.abc import Callable
from typing import Any

import pytest

from labeling.models import Judgment, Lease, Project
from tests.e2e.conftest import settled
from tests.e2e.desk import add_comparison

pytestmark = [pytest.mark.browser, pytest.mark.slow]
Desk = Callable[[Project], Any]
VERDICTS = "**/judge/*-*-*/"


def assert_nothing_moved(page: Any) -> None:
    assert page.get_by_text("Question 1?", exact=True).is_visible()
    assert "is not stored yet" in page.get_by_role("alert").inner_text()
    assert page.locator(".step.is-chosen").inner_text().startswith("A is better")


def next_question(page: Any, number: int) -> None:
    page.get_by_text(f"Question {number}?", exact=True).wait_for()
    settled(page)


def test_nothing_moves_while_the_server_has_not_answered(desk: Desk, project: Project) -> None:
    page = desk(project)
    held: list[Any] = []
    page.route(VERDICTS, lambda route: held.append(route))
    page.keyboard.press("2")
    page.wait_for_timeout(400)
    page.keyboard.press("7")  # a second thought is not a second verdict
    page.wait_for_timeout(100)
    assert page.get_by_text("Question 1?", exact=True).is_visible()
    assert page.locator("#verdict").get_attribute("aria-busy") == "true"
    assert len(held) == 1
    held[0].continue_()
    next_question(page, 2)
    assert Judgment.objects.get().answer == 2


@pytest.mark.parametrize("trouble", ["abort", "500", "403"])
def test_a_verdict_that_did_not_arrive_is_kept_and_sent_again(desk: Desk, project: Project, trouble: str) -> None:
    page = desk(project)
    page.route(VERDICTS, lambda route: route.abort() if trouble == "abort" else route.fulfill(status=int(trouble)))
    page.keyboard.press("2")
    page.get_by_role("alert").get_by_role("button", name="Send again").wait_for()
    assert_nothing_moved(page)
    assert Judgment.objects.count() == 0
    page.unroute(VERDICTS)
    page.keyboard.press("Enter")  # the focus is on "Send again"
    next_question(page, 2)
    assert Judgment.objects.get().answer == 2


def test_a_reply_that_was_lost_does_not_double_the_verdict(desk: Desk, project: Project) -> None:
    page = desk(project)

    def lose_the_reply(route: Any) -> None:
        route.fetch()
        route.abort()

    page.route(VERDICTS, lose_the_reply)
    page.keyboard.press("2")
    page.get_by_role("button", name="Send again").wait_for()
    page.unroute(VERDICTS)
    page.get_by_role("button", name="Send again").click()
    next_question(page, 2)
    assert Judgment.objects.count() == 1


def test_a_kept_verdict_survives_a_reload(desk: Desk, project: Project) -> None:
    page = desk(project)
    page.route(VERDICTS, lambda route: route.abort())
    page.keyboard.press("2")
    page.get_by_role("button", name="Send again").wait_for()
    page.unroute(VERDICTS)
    page.reload()
    page.get_by_role("button", name="Send again").click()
    next_question(page, 2)
    assert Judgment.objects.get().answer == 2
    page.reload()
    settled(page)
    assert page.get_by_role("button", name="Send again").count() == 0


def test_another_answer_after_a_lost_reply_is_told_what_stands(desk: Desk, project: Project) -> None:
    page = desk(project)

    def lose_the_reply(route: Any) -> None:
        route.fetch()
        route.abort()

    page.route(VERDICTS, lose_the_reply)
    page.keyboard.press("2")
    page.get_by_role("button", name="Send again").wait_for()
    page.unroute(VERDICTS)
    page.keyboard.press("6")
    page.get_by_text("What stands is “A is better”.").wait_for()
    assert Judgment.objects.get().answer == 2
    page.get_by_role("link", name="Go on").click()
    next_question(page, 2)


def test_signed_out_meanwhile_keeps_the_verdict(desk: Desk, project: Project) -> None:
    page = desk(project)
    cookies = page.context.cookies()
    page.context.clear_cookies(name=next(c["name"] for c in cookies if "session" in c["name"]))
    page.keyboard.press("2")
    page.get_by_role("button", name="Send again").wait_for()
    assert_nothing_moved(page)
    page.context.add_cookies(cookies)
    page.get_by_role("button", name="Send again").click()
    next_question(page, 2)
    assert Judgment.objects.get().answer == 2


def test_the_lease_is_renewed_only_after_an_action(desk: Desk, project: Project) -> None:
    Project.objects.filter(pk=project.pk).update(lease_seconds=8)
    page = desk(project)
    page.mouse.wheel(0, 50)
    page.wait_for_timeout(7_500)
    lease = Lease.objects.get()
    assert lease.renewals == 1
    page.wait_for_timeout(9_000)  # nobody there
    lease.refresh_from_db()
    assert lease.renewals == 1
    assert page.get_by_text("The time for this comparison is over").is_visible()
    page.keyboard.press("2")
    next_question(page, 2)
    assert Judgment.objects.get().answer == 2


def test_an_empty_queue_fills_by_itself(desk: Desk, project: Project) -> None:
    from labeling.actions.telling import tell_project

    project.comparisons.update(state="full")
    page = desk(project)
    page.get_by_text("Every comparison has its judgments.").wait_for()
    page.wait_for_function("document.documentElement.dataset.liveState === 'open'")
    add_comparison(project, "Fresh?", "one", "two")
    tell_project(project.pk)
    page.get_by_text("Fresh?", exact=True).wait_for(timeout=8_000)


def test_a_newer_model_is_announced_and_n_goes_on(desk: Desk, project: Project) -> None:
    page = desk(project)
    lease = Lease.objects.get()
    project.comparisons.filter(pk=lease.comparison_id).update(superseded_at=lease.taken_at)
    page.reload()
    page.get_by_text("A newer model is ready.").wait_for()
    settled(page)
    page.keyboard.press("n")
    next_question(page, 2)
    assert Judgment.objects.count() == 0
