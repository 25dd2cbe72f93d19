"""A comparison is lent to one person at a time and place, for minutes, and comes back."""

import random
import uuid
from collections import Counter

import pytest
from django.http import Http404

from labeling.actions import judging, queueing
from labeling.actions.errors import Refusal
from labeling.actions.leasing import Terms, arm_order
from labeling.models import Arm, Comparison, Lease, Project, ReasonDraft, Report, State
from tests.labeling.cast import comparisons, expire, lease, member, project_of_ada, submit


def test_the_best_score_is_lent_first_and_no_score_last(project, ben, cleo) -> None:
    best, second = comparisons(project, 2)
    [unscored] = comparisons(project, 1)
    Comparison.objects.filter(pk=unscored.pk).update(score=None)
    third = member(project, "Dan")
    assert [lease(who, project).comparison_id for who in (ben, cleo, third)] == [best.pk, second.pk, unscored.pk]


def test_an_open_lease_is_returned_again(project, ben) -> None:
    comparisons(project, 3)
    assert lease(ben, project).pk == lease(ben, project).pk


def test_a_lease_holds_a_place_an_order_and_the_guidelines_shown(project, ben) -> None:
    [comparison] = comparisons(project, 1)
    taken = lease(ben, project)
    comparison.refresh_from_db()
    assert (comparison.held, comparison.taken, comparison.state) == (1, 0, State.OPEN)
    assert sorted(taken.order) == [0, 1]
    assert taken.guideline_id == project.guidelines.get().pk
    assert (taken.expires_at - taken.taken_at).total_seconds() == project.lease_seconds
    assert Lease.objects.get() == taken


def test_both_orders_are_shown(project, ben) -> None:
    comparisons(project, 40)
    taken, orders = lease(ben, project), set()
    while taken is not None:
        orders.add(tuple(taken.order))
        taken = submit(ben, taken).next_lease
    assert orders == {(0, 1), (1, 0)}


def test_one_comparison_is_not_lent_to_two_people_when_one_judgment_is_needed(project, ben, cleo) -> None:
    comparisons(project, 1)
    lease(ben, project)
    assert judging.lease_next(person=cleo, project=project) is None


def test_overlap_lends_to_different_people_only(project, ben, cleo) -> None:
    [comparison] = comparisons(project, 1, needs=2)
    assert lease(ben, project).comparison_id == lease(cleo, project).comparison_id == comparison.pk
    assert judging.lease_next(person=member(project, "Dan"), project=project) is None


def test_nobody_gets_what_they_judged_skipped_or_flagged(project, ben) -> None:
    comparisons(project, 3, needs=5)
    judged = lease(ben, project)
    skipped = submit(ben, judged).next_lease
    judging.skip_comparison(person=ben, lease_id=skipped.pk, reason="too long")
    flagged = lease(ben, project)
    judging.flag_comparison(person=ben, lease_id=flagged.pk, reason="harmful", text=" Look. ")
    assert len({judged.comparison_id, skipped.comparison_id, flagged.comparison_id}) == 3
    assert judging.lease_next(person=ben, project=project) is None
    told = Report.objects.order_by("id").values_list("kind", "reason", "text")
    assert list(told) == [("skip", "too long", ""), ("flag", "harmful", "Look.")]
    assert set(Comparison.objects.values_list("held", "taken")) == {(0, 0), (0, 1)}


def test_a_report_without_a_reason_is_refused_and_the_lease_stays(project, ben) -> None:
    comparisons(project, 1)
    taken = lease(ben, project)
    with pytest.raises(Refusal, match="Say why"):
        judging.skip_comparison(person=ben, lease_id=taken.pk, reason="  ")
    assert lease(ben, project).pk == taken.pk


def test_reporting_on_an_ended_lease_changes_nothing(project, ben) -> None:
    comparisons(project, 1)
    taken = lease(ben, project)
    submit(ben, taken)
    assert judging.skip_comparison(person=ben, lease_id=taken.pk, reason="late") is None
    assert judging.flag_comparison(person=ben, lease_id=taken.pk, reason="late") is None
    assert not Report.objects.exists()


def test_a_released_comparison_may_come_again(project, ben) -> None:
    comparisons(project, 1)
    taken = lease(ben, project)
    judging.release_lease(person=ben, lease_id=taken.pk)
    again = lease(ben, project)
    assert again.comparison_id == taken.comparison_id and again.pk != taken.pk


def test_a_lease_that_ran_out_goes_to_the_next_person_who_asks(project, ben, cleo) -> None:
    [comparison] = comparisons(project, 1)
    taken = lease(ben, project)
    expire(taken)
    assert lease(cleo, project).comparison_id == comparison.pk
    taken.refresh_from_db()
    comparison.refresh_from_db()
    assert (taken.ending, comparison.held) == ("expired", 1)


def test_ones_own_lease_that_ran_out_is_replaced(project, ben) -> None:
    comparisons(project, 2)
    taken = lease(ben, project)
    expire(taken)
    again = lease(ben, project)
    assert again.pk != taken.pk
    assert Comparison.objects.filter(held=1).count() == 1


def test_submitting_gives_back_what_others_left(project, ben, cleo) -> None:
    first, second = comparisons(project, 2)
    expire(lease(ben, project))
    left = lease(cleo, project)
    assert left.comparison_id == first.pk
    # Ben's lease is given back by Cleo's request, and what is left comes next.
    assert submit(cleo, left).next_lease.comparison_id == second.pk


def test_an_archived_project_lends_nothing(project, ben) -> None:
    comparisons(project, 1)
    from labeling.actions.projecting import archive_project

    archive_project(project=project, by=ben)
    project.refresh_from_db()
    assert judging.lease_next(person=ben, project=project) is None


def test_a_verdict_in_an_archived_project_counts_and_leases_nothing(project, ben) -> None:
    comparisons(project, 2)
    taken = lease(ben, project)
    Project.objects.filter(pk=project.pk).update(archived_at="2026-01-01T00:00Z")
    submitted = submit(ben, taken)
    assert submitted.judgment.pk and submitted.next_lease is None


def test_renewing_gives_the_whole_span_three_times_and_no_more(project, ben) -> None:
    comparisons(project, 1)
    taken = lease(ben, project)
    Lease.objects.filter(pk=taken.pk).update(expires_at=taken.taken_at + (taken.expires_at - taken.taken_at) / 2)
    renewed = judging.renew_lease(person=ben, lease_id=taken.pk)
    assert renewed.expires_at >= taken.expires_at and renewed.renewals == 1
    for _ in range(2):
        judging.renew_lease(person=ben, lease_id=taken.pk)
    with pytest.raises(Refusal, match="three times"):
        judging.renew_lease(person=ben, lease_id=taken.pk)


def test_a_lease_that_ran_out_is_not_renewed(project, ben) -> None:
    comparisons(project, 1)
    taken = lease(ben, project)
    expire(taken)
    with pytest.raises(Refusal, match="run out"):
        judging.renew_lease(person=ben, lease_id=taken.pk)


@pytest.mark.parametrize("action", ["renew_lease", "release_lease"])
def test_somebody_elses_lease_does_not_exist(project, ben, cleo, action) -> None:
    comparisons(project, 1)
    taken = lease(ben, project)
    with pytest.raises(Http404):
        getattr(judging, action)(person=cleo, lease_id=taken.pk)
    with pytest.raises(Http404):
        getattr(judging, action)(person=cleo, lease_id=uuid.uuid4())
    assert lease(ben, project).pk == taken.pk


def test_a_draft_is_kept_until_the_verdict_and_an_empty_one_forgotten(project, ben) -> None:
    comparisons(project, 2)
    taken = lease(ben, project)
    judging.save_draft(person=ben, lease_id=taken.pk, text="Because")
    judging.save_draft(person=ben, lease_id=taken.pk, text="Because it")
    assert ReasonDraft.objects.get().text == "Because it"
    judging.save_draft(person=ben, lease_id=taken.pk, text=" ")
    assert not ReasonDraft.objects.exists()
    judging.save_draft(person=ben, lease_id=taken.pk, text="Because")
    submit(ben, taken)
    assert not ReasonDraft.objects.exists()
    judging.save_draft(person=ben, lease_id=taken.pk, text="Too late")
    assert not ReasonDraft.objects.exists()


# --- arms


def terms(duel: float = 0.0, random_share: float = 0.0, repeat: float = 0.0) -> Terms:
    return Terms(1, False, duel, random_share, repeat, 600)


def test_the_coins_give_each_arm_its_share() -> None:
    coin = random.Random(1)
    firsts = Counter(arm_order(terms(1 / 3, 0.1, 0.02), coin)[0] for _ in range(30_000))
    assert firsts[Arm.DUEL] / 30_000 == pytest.approx(1 / 3, abs=0.01)
    assert firsts[Arm.RANDOM] / 30_000 == pytest.approx(0.1 * 2 / 3, abs=0.01)
    assert firsts[Arm.REPEAT] / 30_000 == pytest.approx(0.02 * 2 / 3, abs=0.005)


def test_every_arm_is_looked_into_whatever_the_coins_say() -> None:
    coin = random.Random(2)
    for _ in range(200):
        assert sorted(arm_order(terms(0.5, 0.3, 0.3), coin)) == sorted(Arm)


def test_duels_are_served_at_their_share_in_creation_order(db) -> None:
    project = project_of_ada(duel_share=0.5)
    ben = member(project, "Ben")
    comparisons(project, 200)
    duels = comparisons(project, 40, arm=Arm.DUEL)
    served, taken = [], lease(ben, project)
    for _ in range(60):
        served.append(taken.comparison_id)
        taken = submit(ben, taken).next_lease
    asked = [pk for pk in served if pk in {duel.pk for duel in duels}]
    assert asked == sorted(asked)
    assert 12 <= len(asked) <= 40


def test_an_arm_that_is_empty_gives_way_to_the_others(project, ben) -> None:
    [only] = comparisons(project, 1, arm=Arm.DUEL)
    assert lease(ben, project).comparison_id == only.pk


def test_a_repeat_goes_only_to_who_judged_the_first_and_swaps_the_sides(project, ben, cleo) -> None:
    [first] = comparisons(project, 1)
    taken = lease(ben, project)
    submit(ben, taken)
    [pk] = queueing.add_comparisons(
        project=project,
        comparisons=[
            queueing.NewComparison(
                first.prompt_id,
                list(first.entries.values_list("response_id", flat=True)),
                Arm.REPEAT,
                repeats_id=first.pk,
            )
        ],
    )
    assert judging.lease_next(person=cleo, project=project) is None
    repeated = lease(ben, project)
    assert repeated.comparison_id == pk
    assert repeated.order == taken.order[::-1]
