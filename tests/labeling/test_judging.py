"""A verdict is one row, whatever the network and the tabs do; nothing that was sent is lost."""

import uuid
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction
from django.http import Http404

from labeling.actions import judging
from labeling.actions.errors import Conflict, Refusal
from labeling.actions.projecting import write_guidelines
from labeling.models import Comparison, Judgment, Lease, Source, State
from tests.labeling.cast import comparisons, expire, lease, member, submit


def test_a_verdict_is_recorded_and_the_next_comparison_leased(project, ben) -> None:
    first, second = comparisons(project, 2)
    taken = lease(ben, project)
    submitted = submit(ben, taken, answer=1, seconds=4.5, reason=" It is kinder. ")
    judgment = Judgment.objects.get()
    assert submitted.judgment == judgment and not submitted.repeated
    assert (judgment.comparison_id, judgment.person, judgment.answer) == (first.pk, ben, 1)
    assert (judgment.order_shown, judgment.seconds, judgment.source) == (taken.order, 4.5, Source.PERSON)
    assert (judgment.guideline_id, judgment.lease_id, judgment.late) == (taken.guideline_id, taken.pk, False)
    assert judgment.reason.text == "It is kinder."
    assert submitted.judgment.strength == judgment.strength == (3 if taken.order == [0, 1] else -3)
    assert submitted.next_lease.comparison_id == second.pk
    first.refresh_from_db()
    assert (first.taken, first.held, first.state) == (1, 0, State.FULL)
    assert Lease.objects.get(pk=taken.pk).ending == "judged"


def test_a_verdict_costs_two_statements_and_its_page_two_more(project, ben, django_assert_num_queries) -> None:
    from labeling.queries.next_comparison import judging_page

    comparisons(project, 3)
    taken = submit(ben, lease(ben, project)).next_lease
    judging_page(taken)
    with django_assert_num_queries(2 + 2):  # … and the two of a savepoint, which stands for BEGIN and COMMIT
        submitted = submit(ben, taken)
    with django_assert_num_queries(1):  # the number of waiting comparisons is some seconds old
        judging_page(submitted.next_lease)


def test_a_comparison_stays_open_until_its_judgments_are_in(project, ben, cleo) -> None:
    [comparison] = comparisons(project, 1, needs=2)
    submit(ben, lease(ben, project))
    comparison.refresh_from_db()
    assert (comparison.taken, comparison.state) == (1, State.OPEN)
    submit(cleo, lease(cleo, project))
    comparison.refresh_from_db()
    assert (comparison.taken, comparison.state) == (2, State.FULL)


def test_a_simulated_persons_verdict_says_so(project) -> None:
    comparisons(project, 1)
    robot = member(project, "Robot", simulated=True)
    assert submit(robot, lease(robot, project)).judgment.source == Source.SIMULATION
    assert Judgment.objects.get().source == Source.SIMULATION


def test_the_last_verdict_leaves_nothing_to_lease(project, ben) -> None:
    comparisons(project, 1)
    assert submit(ben, lease(ben, project)).next_lease is None


# --- sent twice


def test_a_second_submit_with_the_same_id_stores_one_row(project, ben) -> None:
    comparisons(project, 3)
    taken, client_id = lease(ben, project), uuid.uuid4()
    first = submit(ben, taken, uuid=client_id, reason="Short")
    second = submit(ben, taken, uuid=client_id, reason="Short", seconds=9.0)
    assert second.judgment == first.judgment and second.repeated
    assert second.next_lease == first.next_lease
    assert Judgment.objects.count() == 1


@pytest.mark.parametrize("change", [{"answer": 6}, {"reason": "Long"}])
def test_the_same_id_with_another_payload_is_a_conflict(project, ben, change) -> None:
    comparisons(project, 2)
    taken, client_id = lease(ben, project), uuid.uuid4()
    first = submit(ben, taken, uuid=client_id, reason="Short")
    with pytest.raises(Conflict) as conflict:
        submit(ben, taken, uuid=client_id, **({"reason": "Short"} | change))
    assert conflict.value.judgment == first.judgment
    assert Judgment.objects.count() == 1


def test_the_same_id_on_another_lease_is_a_conflict(project, ben) -> None:
    comparisons(project, 3)
    taken, client_id = lease(ben, project), uuid.uuid4()
    submitted = submit(ben, taken, uuid=client_id)
    with pytest.raises(Conflict):
        submit(ben, submitted.next_lease, uuid=client_id)
    assert Lease.objects.get(pk=submitted.next_lease.pk).ended_at is None


def test_two_people_may_use_the_same_id(project, ben, cleo) -> None:
    comparisons(project, 3)
    client_id = uuid.uuid4()
    submit(ben, lease(ben, project), uuid=client_id)
    submit(cleo, lease(cleo, project), uuid=client_id)
    assert Judgment.objects.filter(uuid=client_id).count() == 2


def test_a_reason_that_was_erased_does_not_make_a_repeat_a_conflict(project, ben) -> None:
    from labeling.models import JudgmentReason

    comparisons(project, 1)
    taken, client_id = lease(ben, project), uuid.uuid4()
    submit(ben, taken, uuid=client_id, reason="My neighbour Tom says so")
    JudgmentReason.objects.update(text="", erased_at="2026-01-01T00:00Z")
    assert submit(ben, taken, uuid=client_id, reason="My neighbour Tom says so").repeated


def test_a_second_verdict_on_the_same_comparison_shows_the_newer_text(project, ben) -> None:
    comparisons(project, 2)
    taken = lease(ben, project)
    first = submit(ben, taken, answer=1).judgment
    amended = judging.amend_judgment(
        person=ben, judgment_id=first.pk, uuid=uuid.uuid4(), answer=2, seconds=None, reason="Second thoughts"
    )
    with pytest.raises(Conflict, match="judged this comparison already") as conflict:
        submit(ben, taken, answer=7)
    assert conflict.value.judgment == amended
    assert Judgment.objects.count() == 2


# --- late


def test_a_late_verdict_whose_place_is_free_counts_as_planned(project, ben) -> None:
    [comparison] = comparisons(project, 1)
    taken = lease(ben, project)
    judging.release_lease(person=ben, lease_id=taken.pk)
    assert not submit(ben, taken).judgment.late
    comparison.refresh_from_db()
    assert (comparison.taken, comparison.held, comparison.state) == (1, 0, State.FULL)


def test_a_late_verdict_whose_place_is_taken_is_kept_as_an_extra_judgment(project, ben, cleo) -> None:
    [comparison] = comparisons(project, 1)
    taken = lease(ben, project)
    expire(taken)
    other = lease(cleo, project)
    late = submit(ben, taken, answer=6, reason="The phone rang").judgment
    assert late.late and late.reason.text == "The phone rang"
    comparison.refresh_from_db()
    assert (comparison.taken, comparison.held, comparison.state) == (0, 1, State.OPEN)
    assert not submit(cleo, other).judgment.late
    comparison.refresh_from_db()
    assert (comparison.taken, comparison.state) == (1, State.FULL)


def test_a_lease_that_ran_out_but_was_not_given_back_is_still_good(project, ben) -> None:
    comparisons(project, 1)
    taken = lease(ben, project)
    expire(taken)
    assert not submit(ben, taken).judgment.late


def test_a_late_verdict_on_what_was_lent_to_the_same_person_again_takes_that_place(project, ben) -> None:
    [comparison] = comparisons(project, 1)
    first = lease(ben, project)
    judging.release_lease(person=ben, lease_id=first.pk)
    second = lease(ben, project)
    submitted = submit(ben, first, answer=1)
    assert not submitted.judgment.late and submitted.judgment.order_shown == first.order
    comparison.refresh_from_db()
    assert (comparison.taken, comparison.held, comparison.state) == (1, 0, State.FULL)
    with pytest.raises(Conflict) as conflict:
        submit(ben, second, answer=7)
    assert conflict.value.judgment == submitted.judgment


def test_a_late_verdict_leases_the_next_comparison_too(project, ben, cleo) -> None:
    comparisons(project, 2)
    taken = lease(ben, project)
    expire(taken)
    lease(cleo, project)
    assert submit(ben, taken).next_lease is not None


# --- nonsense


@pytest.mark.parametrize("answer", [8, 10, -1])
def test_an_unknown_answer_is_refused_in_words(project, ben, answer) -> None:
    comparisons(project, 1)
    with pytest.raises(Refusal, match="the answers are 1, 2, 3, 4, 5, 6, 7, 9, 0"):
        submit(ben, lease(ben, project), answer=answer)


@pytest.mark.parametrize("seconds", [-1.0, float("nan"), float("inf")])
def test_a_time_that_cannot_be_is_refused(project, ben, seconds) -> None:
    comparisons(project, 1)
    with pytest.raises(Refusal, match="number of seconds"):
        submit(ben, lease(ben, project), seconds=seconds)


def test_more_than_a_day_is_stored_as_a_day_and_an_unknown_time_as_unknown(project, ben) -> None:
    comparisons(project, 2)
    submitted = submit(ben, lease(ben, project), seconds=1e9)
    assert Judgment.objects.get().seconds == 86_400
    assert submit(ben, submitted.next_lease, seconds=None).judgment.seconds is None


@pytest.mark.parametrize("reason", ["a" * 20_001, "nul \0"])
def test_a_reason_that_cannot_be_stored_is_refused(project, ben, reason) -> None:
    comparisons(project, 1)
    with pytest.raises(Refusal, match="reason"):
        submit(ben, lease(ben, project), reason=reason)


def test_somebody_elses_lease_cannot_be_judged(project, ben, cleo) -> None:
    comparisons(project, 1)
    taken = lease(ben, project)
    with pytest.raises(Http404):
        submit(cleo, taken)
    assert not Judgment.objects.exists()


# --- amending


def amend(who, judgment, **fields) -> Any:
    values: Any = {"uuid": uuid.uuid4(), "answer": 6, "seconds": 2.0, "reason": ""} | fields
    return judging.amend_judgment(person=who, judgment_id=judgment.pk, **values)


def test_an_amendment_is_a_new_row_on_the_sides_as_shown(project, ben) -> None:
    [comparison] = comparisons(project, 1)
    taken = lease(ben, project)
    first = submit(ben, taken, answer=2).judgment
    newer = write_guidelines(project=project, by=None, text="Prefer the short one.")
    second = amend(ben, first, answer=7, reason="On reflection")
    assert (second.amends, second.order_shown, second.lease_id) == (first, taken.order, taken.pk)
    assert (second.guideline, second.reason.text) == (newer, "On reflection")
    assert Judgment.objects.get(pk=first.pk).answer == 2
    comparison.refresh_from_db()
    assert comparison.taken == 1


def test_the_same_amendment_sent_twice_is_one_row(project, ben) -> None:
    comparisons(project, 1)
    first = submit(ben, lease(ben, project)).judgment
    client_id = uuid.uuid4()
    assert amend(ben, first, uuid=client_id) == amend(ben, first, uuid=client_id)
    assert Judgment.objects.count() == 2
    with pytest.raises(Conflict):
        amend(ben, first, uuid=client_id, answer=1)


def test_two_tabs_cannot_amend_one_judgment_apart(project, ben) -> None:
    comparisons(project, 1)
    first = submit(ben, lease(ben, project)).judgment
    newer = amend(ben, amend(ben, first))
    with pytest.raises(Conflict, match="another tab") as conflict:
        amend(ben, first)
    assert conflict.value.judgment == newer


def test_nobody_amends_somebody_elses_judgment(project, ben, cleo) -> None:
    comparisons(project, 1)
    first = submit(ben, lease(ben, project)).judgment
    with pytest.raises(Http404):
        amend(cleo, first)


# --- what the database itself forbids


@pytest.mark.parametrize("statement", ["UPDATE labeling_judgment SET answer = 1", "DELETE FROM labeling_judgment"])
def test_the_database_refuses_to_change_a_judgment(project, ben, statement) -> None:
    comparisons(project, 1)
    submit(ben, lease(ben, project))
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)
    assert Judgment.objects.count() == 1


def test_a_superseded_comparison_that_is_held_counts_and_then_asks_nobody_else(project, ben, cleo) -> None:
    from labeling.actions.queueing import mark_superseded

    [comparison] = comparisons(project, 1, needs=2)
    taken = lease(ben, project)
    retired = mark_superseded(project=project, reason="Policy 2 was promoted.")
    assert (retired.held, retired.withdrawn) == (1, 0)
    assert judging.lease_next(person=cleo, project=project) is None
    assert not submit(ben, taken).judgment.late
    comparison.refresh_from_db()
    assert (comparison.taken, comparison.state) == (1, State.WITHDRAWN)


def test_a_superseded_comparison_that_comes_back_unjudged_is_withdrawn(project, ben) -> None:
    from labeling.actions.queueing import mark_superseded

    comparisons(project, 2)
    one = lease(ben, project)
    two = lease(member(project, "Dan"), project)
    mark_superseded(project=project, reason="Policy 2 was promoted.")
    judging.release_lease(person=ben, lease_id=one.pk)
    expire(two)
    assert judging.lease_next(person=ben, project=project) is None
    assert set(Comparison.objects.values_list("state", "held")) == {(State.WITHDRAWN, 0)}
