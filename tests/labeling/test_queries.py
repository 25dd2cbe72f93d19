"""What pages read: the leased comparison, why there is none, progress, agreement and the leaderboard."""

import uuid
from typing import Any

import pytest

from labeling.actions import judging, queueing
from labeling.actions.projecting import archive_project, pause_project, write_guidelines
from labeling.models import Arm, Comparison, Project
from labeling.queries import next_comparison
from labeling.queries.agreement import agreement
from labeling.queries.leaderboard import leaderboard
from labeling.queries.next_comparison import judging_page, why_empty
from labeling.queries.progress import progress
from tests.labeling.cast import comparisons, expire, lease, member, submit, talk


@pytest.fixture(autouse=True)
def _fresh_counts() -> None:
    from django.core.cache import cache

    cache.clear()


# --- the judging page


def test_the_page_shows_the_responses_in_the_order_of_the_lease(project, ben) -> None:
    [comparison] = comparisons(project, 1)
    taken = lease(ben, project)
    page = judging_page(taken)
    assert [response.position for response in page.responses] == taken.order
    assert [response.side for response in page.responses] == ["A", "B"]
    assert [response.text for response in page.responses] == [f"Answer {place}." for place in taken.order]
    assert page.prompt == comparison.prompt.messages
    assert (page.question, page.kind, page.comparison_id) == (project.question, "pair", comparison.pk)
    assert (page.renewals_left, page.superseded, page.draft) == (3, False, "")


def test_the_page_shows_the_guidelines_of_the_lease(project, ben) -> None:
    comparisons(project, 2)
    taken = lease(ben, project)
    write_guidelines(project=project, by=None, text="Prefer the short one.")
    page = judging_page(taken)
    assert (page.guideline, page.guideline_number) == ("Prefer the helpful one.", 1)
    following = submit(ben, taken).next_lease
    assert judging_page(following).guideline_number == 2


def test_a_project_without_guidelines_has_a_page_all_the_same(project, ben) -> None:
    comparisons(project, 1)
    project.guidelines.all().delete()
    page = judging_page(lease(ben, project))
    assert (page.guideline, page.guideline_number) == ("", 0)


def test_the_page_brings_back_the_draft(project, ben) -> None:
    comparisons(project, 1)
    taken = lease(ben, project)
    judging.save_draft(person=ben, lease_id=taken.pk, text="Because")
    assert judging_page(taken).draft == "Because"


def test_the_corner_counts_mine_and_what_waits(project, ben, cleo, monkeypatch) -> None:
    comparisons(project, 3)
    following = submit(cleo, submit(cleo, lease(cleo, project)).next_lease)
    judging.amend_judgment(person=cleo, judgment_id=following.judgment.pk, uuid=uuid.uuid4(), answer=1, seconds=None)
    shown = judging_page(following.next_lease).progress
    assert (shown.mine, shown.waiting, shown.mine_is_more) == (2, 1, False)
    monkeypatch.setattr(next_comparison, "COUNTED_UP_TO", 2)
    assert judging_page(following.next_lease).progress.mine_is_more


def test_a_page_of_a_comparison_that_is_gone_says_so(project, ben) -> None:
    comparisons(project, 1)
    taken = lease(ben, project)
    taken.comparison_id = 0
    with pytest.raises(Comparison.DoesNotExist):
        judging_page(taken)


# --- an empty queue


def why(project, who) -> Any:
    assert judging.lease_next(person=who, project=project) is None
    return why_empty(project=project, person=who)


def test_a_new_project_says_what_is_missing(project, ben) -> None:
    assert why(project, ben).expected == "An owner adds prompts or imports data first."
    queueing.add_prompt(project=project, messages=talk("Boil an egg."))
    found = why(project, ben)
    assert found.reason == "none_yet" and "policy is answering" in found.expected


def test_what_others_hold_comes_back_at_a_known_time(project, ben, cleo) -> None:
    comparisons(project, 1)
    taken = lease(cleo, project)
    found = why(project, ben)
    assert (found.reason, found.back_at) == ("with_others", taken.expires_at)


def test_having_judged_all_that_needs_others_is_said(project, ben) -> None:
    comparisons(project, 2, needs=2)
    submit(ben, submit(ben, lease(ben, project)).next_lease)
    found = why(project, ben)
    assert found.reason == "yours_are_done" and "2 still need other people" in found.why


def test_what_one_skipped_counts_as_done(project, ben) -> None:
    comparisons(project, 1)
    judging.skip_comparison(person=ben, lease_id=lease(ben, project).pk, reason="unclear")
    assert why(project, ben).reason == "yours_are_done"


def test_all_done_paused_and_archived_are_told_apart(project, ben) -> None:
    comparisons(project, 1)
    submit(ben, lease(ben, project))
    assert why(project, ben).reason == "all_done"
    pause_project(project=project, by=ben, reason="The disk is full.")
    project.refresh_from_db()
    assert "The disk is full." in why(project, ben).why
    archive_project(project=project, by=ben)
    project.refresh_from_db()
    assert why(project, ben).reason == "archived"


# --- progress


def test_progress_by_arm_and_person(project, ben) -> None:
    comparisons(project, 3)
    comparisons(project, 2, arm=Arm.RANDOM)
    robot = member(project, "Robot", simulated=True)
    submitted = submit(ben, lease(ben, project), seconds=4.0)
    expire(submitted.next_lease)
    submit(robot, lease(robot, project), seconds=1.0)
    queueing.withdraw_comparisons(project=project, reason="Old.", arms=[Arm.RANDOM])
    found = progress(project)
    chosen = next(arm for arm in found.arms if arm.arm == "chosen")
    assert (chosen.waiting, chosen.held, chosen.full, chosen.withdrawn) == (1, 1, 2, 0)
    assert (found.judgments, found.last_hour) == (2, 2)
    assert found.waiting == chosen.waiting
    assert {(one.name, one.simulated, one.judgments, one.median_seconds) for one in found.people} == {
        ("Ben", False, 1, 4.0),
        ("Robot", True, 1, 1.0),
    }


# --- agreement


def test_people_who_say_the_same_agree_and_a_contrary_one_does_not(project, ben, cleo) -> None:
    dan = member(project, "Dan")
    comparisons(project, 12, arm=Arm.RANDOM, needs=3)
    for who, wanted in ((ben, lambda pk: pk % 2), (cleo, lambda pk: pk % 2), (dan, lambda pk: 1 - pk % 2)):
        taken = lease(who, project)
        while taken is not None:
            left_wins = taken.order[0] == wanted(taken.comparison_id)
            taken = submit(who, taken, answer=2 if left_wins else 6).next_lease
    found: Any = agreement(project)
    assert found.alpha.n == 12 and found.alpha.value < 0.2
    assert found.same_answer == pytest.approx(1 / 3)
    by_name = {one.name: one for one in found.people}
    assert by_name["Dan"].with_others.value == 0 and by_name["Ben"].with_others.value == 0.5
    assert by_name["Ben"].judgments == 12 and by_name["Ben"].median_seconds == 3.0
    assert found.left.n == 36 and found.repeats is None


def test_always_the_left_side_shows(project, ben) -> None:
    comparisons(project, 20, arm=Arm.RANDOM)
    taken = lease(ben, project)
    while taken is not None:
        taken = submit(ben, taken, answer=1).next_lease
    found: Any = agreement(project)
    assert found.left.value == 1.0 and found.left.low > 0.8
    assert found.people[0].with_others is None


def test_being_asked_again_measures_agreement_with_oneself(project, ben) -> None:
    firsts = comparisons(project, 2)
    taken = lease(ben, project)
    said = {}
    while taken is not None:
        said[taken.comparison_id] = taken
        taken = submit(ben, taken, answer=1).next_lease  # the left side, whatever it is
    queueing.add_comparisons(
        project=project,
        comparisons=[
            queueing.NewComparison(
                one.prompt_id,
                list(one.entries.values_list("response_id", flat=True)),
                Arm.REPEAT,
                repeats_id=one.pk,
            )
            for one in firsts
        ],
    )
    again = lease(ben, project)
    following = submit(ben, again, answer=7).next_lease  # the sides are swapped: the same response
    submit(ben, following, answer=1)  # the left again: the other response
    found: Any = agreement(project).repeats
    assert (found.value, found.n) == (0.5, 2)


def test_a_project_without_judgments_agrees_about_nothing(project) -> None:
    found = agreement(project)
    assert found.alpha.n == 0 and found.left is None and found.repeats is None and found.people == ()


# --- the leaderboard


def policy(project: Project, number: int) -> Any:
    from training.models import PolicyVersion

    return PolicyVersion.objects.create(
        project=project, number=number, directory="x", digest="d", state=PolicyVersion.State.PROMOTED
    )


def duel(project, one, other, arm=Arm.DUEL) -> None:
    """A comparison of two versions, the first at position 0."""
    prompt = queueing.add_prompt(project=project, messages=talk(f"Boil {uuid.uuid4()}"))
    sampled: dict[str, Any] = {"sampler": {}, "seed": 1, "token_ids": [1], "token_logprobs": [-1.0], "stopped": True}
    answers = [
        queueing.NewResponse(prompt.pk, [{"role": "assistant", "content": "A."}], policy_version_id=side.pk, **sampled)
        for side in (one, other)
    ]
    responses = queueing.add_responses(responses=answers)
    queueing.add_comparisons(project=project, comparisons=[queueing.NewComparison(prompt.pk, responses, arm)])


def judge_all(who, project, position) -> None:
    taken = judging.lease_next(person=who, project=project)
    while taken is not None:
        taken = submit(who, taken, answer=2 if taken.order[0] == position else 6).next_lease


def test_the_leaderboard_shows_who_people_prefer_to_the_first(project, ben) -> None:
    first, second, third = (policy(project, number) for number in (1, 2, 3))
    for _ in range(8):
        duel(project, second, first)
    judge_all(ben, project, 0)
    for _ in range(2):
        duel(project, first, second, arm=Arm.RANDOM)
    judge_all(ben, project, 0)
    duel(project, third, first, arm=Arm.CHOSEN)  # a score had a say in it
    duel(project, second, second, arm=Arm.RANDOM)  # says nothing about versions
    judge_all(ben, project, 0)
    standings: list[Any] = leaderboard(project)
    one, two, three = standings
    assert (one.number, one.win_rate, one.n) == (1, 0.5, 10)
    assert two.win_rate == pytest.approx(8.5 / 11) and two.low < two.win_rate < two.high and two.n == 10
    assert (three.win_rate, three.low, three.n) == (None, None, 0)


def test_an_amendment_counts_instead_of_what_it_amends(project, ben) -> None:
    first, second = policy(project, 1), policy(project, 2)
    duel(project, second, first)
    taken = lease(ben, project)
    said = submit(ben, taken, answer=2).judgment
    judging.amend_judgment(person=ben, judgment_id=said.pk, uuid=uuid.uuid4(), answer=4, seconds=None)
    assert leaderboard(project)[1].win_rate == 0.5


def test_a_project_without_versions_has_no_leaderboard(project) -> None:
    assert leaderboard(project) == []
