"""Real threads on real connections: what only shows when two people click at one instant."""

import re
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import pytest
from django.db import connection, connections, transaction

from labeling.actions import judging, queueing
from labeling.actions.errors import Conflict
from labeling.actions.leasing_sql import GIVE_BACK_EXPIRED, run, take
from labeling.models import Comparison, Judgment, Lease, Project, State
from tests.labeling.cast import comparisons, expire, lease, member, project_of_ada, submit

pytestmark = pytest.mark.django_db(transaction=True)


def at_once(*work: Callable[[], Any]) -> list[Any]:
    """Run everything at one instant, each on a connection of its own. Errors come back as results."""
    start = threading.Barrier(len(work))

    def run(one: Callable[[], Any]) -> Any:
        try:
            connection.ensure_connection()
            start.wait(10)
            return one()
        except Exception as error:
            return error
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(work)) as pool:
        return list(pool.map(run, work))


def test_sixteen_people_who_ask_at_once_get_sixteen_comparisons() -> None:
    project = project_of_ada()
    comparisons(project, 16)
    people = [member(project, f"Judge{number}") for number in range(16)]
    leases = at_once(*(lambda who=who: judging.lease_next(person=who, project=project) for who in people))
    assert len({taken.comparison_id for taken in leases}) == 16


def test_people_who_ask_at_once_share_what_needs_two_and_get_no_more() -> None:
    project = project_of_ada(overlap=2)
    comparisons(project, 3)
    people = [member(project, f"Judge{number}") for number in range(8)]
    for _ in range(3):
        leases = at_once(*(lambda who=who: judging.lease_next(person=who, project=project) for who in people))
        held = Counter(taken.comparison_id for taken in leases if taken is not None)
        assert sorted(held.values()) == [2, 2, 2]
        expire(*Lease.objects.filter(ended_at__isnull=True))


def give_back(project: Project) -> None:
    run(GIVE_BACK_EXPIRED, {"project": project.pk})


def lock_its_comparison(project: Project) -> None:
    list(Comparison.objects.select_for_update(no_key=True).filter(project=project))


@pytest.mark.parametrize("writing", [give_back, lock_its_comparison])
def test_an_expired_place_that_somebody_is_writing_is_waited_for(writing: Callable[[Project], None]) -> None:
    project = project_of_ada()
    comparisons(project, 1)
    ben, cleo = member(project, "Ben"), member(project, "Cleo")
    expire(lease(ben, project))
    written, asked = threading.Event(), threading.Event()

    def write() -> None:
        with transaction.atomic():
            writing(project)
            written.set()
            asked.wait(5)
            time.sleep(0.3)  # the other one looks at the queue meanwhile

    def ask() -> Lease | None:
        written.wait(5)
        asked.set()
        return judging.lease_next(person=cleo, project=project)

    _, taken = at_once(write, ask)
    assert isinstance(taken, Lease)


def test_two_tabs_of_one_person_get_the_same_lease() -> None:
    project = project_of_ada()
    comparisons(project, 8)
    ben = member(project, "Ben")
    leases = at_once(*[lambda: judging.lease_next(person=ben, project=project)] * 4)
    assert len({taken.pk for taken in leases}) == 1
    assert Comparison.objects.filter(held=1).count() == 1


def test_one_verdict_sent_four_times_at_once_is_one_row() -> None:
    project = project_of_ada()
    comparisons(project, 8)
    ben, client_id = member(project, "Ben"), uuid.uuid4()
    taken = lease(ben, project)
    answers = at_once(*[lambda: submit(ben, taken, uuid=client_id)] * 4)
    assert len({one.judgment.pk for one in answers}) == 1
    assert len({one.next_lease.pk for one in answers}) == 1
    assert [one.repeated for one in answers].count(False) == 1
    assert Judgment.objects.count() == 1 and Lease.objects.count() == 2


def test_two_tabs_that_judge_one_comparison_differently_leave_one_row_and_a_conflict() -> None:
    project = project_of_ada()
    comparisons(project, 4)
    ben = member(project, "Ben")
    taken = lease(ben, project)
    answers = at_once(*(lambda answer=answer: submit(ben, taken, answer=answer) for answer in (1, 7)))
    assert {type(one) for one in answers} == {judging.Submitted, Conflict}
    standing = Judgment.objects.get()
    assert next(one for one in answers if isinstance(one, Conflict)).judgment == standing


def test_two_amendments_at_once_leave_one_and_a_conflict() -> None:
    project = project_of_ada()
    comparisons(project, 1)
    ben = member(project, "Ben")
    first = submit(ben, lease(ben, project)).judgment

    def amend(answer: int) -> Judgment:
        return judging.amend_judgment(person=ben, judgment_id=first.pk, uuid=uuid.uuid4(), answer=answer, seconds=None)

    answers = at_once(lambda: amend(6), lambda: amend(7))
    assert {type(one) for one in answers} == {Judgment, Conflict}
    assert Judgment.objects.count() == 2


def test_a_verdict_and_the_end_of_its_lease_at_once_lose_nothing() -> None:
    project = project_of_ada()
    for _ in range(5):
        [comparison] = comparisons(project, 1)
        ben, cleo = member(project, "Ben"), member(project, "Cleo")
        taken = lease(ben, project)
        expire(taken)
        submitted, other = at_once(
            partial(submit, ben, taken),
            partial(judging.lease_next, person=cleo, project=project),
        )
        assert submitted.judgment.late == (other is not None)
        comparison.refresh_from_db()
        assert (comparison.taken, comparison.held) == ((0, 1) if other else (1, 0))
        if other:
            submit(cleo, other)


def test_people_judge_to_the_end_while_the_queue_is_reordered_withdrawn_and_expires() -> None:
    project = project_of_ada(overlap=2, duel_share=0.3)
    comparisons(project, 60)
    from labeling.models import Arm

    comparisons(project, 10, arm=Arm.DUEL)
    people = [member(project, f"Judge{number}") for number in range(6)]
    acknowledged: list[int] = []
    done = threading.Event()

    def judge(who: Any) -> None:
        taken = judging.lease_next(person=who, project=project)
        while taken is not None:
            submitted = submit(who, taken)
            acknowledged.append(submitted.judgment.pk)
            taken = submitted.next_lease

    def disturb() -> None:
        turn = 0
        while not done.is_set():
            turn += 1
            pks = list(Comparison.objects.filter(state=State.OPEN).values_list("pk", flat=True))
            scores = [(pk, float((pk * turn) % 17), rank) for rank, pk in enumerate(pks, 1)]
            queueing.reorder_queue(project=project, scores=scores, model_version=str(turn))
            expire(*Lease.objects.filter(ended_at__isnull=True)[:1])
            queueing.withdraw_comparisons(project=project, reason="test", ids=pks[-1:])

    def everybody() -> list[Any]:
        try:
            return at_once(*(lambda who=who: judge(who) for who in people))
        finally:
            done.set()

    results = at_once(everybody, disturb)
    assert results == [[None] * len(people), None]
    assert set(acknowledged) == set(Judgment.objects.values_list("pk", flat=True))
    judged = Judgment.objects.values_list("comparison_id", "person_id")
    assert len(set(judged)) == len(judged)
    planned = Counter(Judgment.objects.filter(late=False).values_list("comparison_id", flat=True))
    for row in Comparison.objects.all():
        assert row.taken == planned[row.pk] <= row.needs
        assert row.state in (State.FULL, State.WITHDRAWN) or row.held + row.taken <= row.needs


def test_a_queue_that_is_just_being_reordered_is_not_taken_for_an_empty_one() -> None:
    project = project_of_ada()
    comparisons(project, 2)
    ben = member(project, "Ben")
    locked, answer = threading.Event(), threading.Event()

    def hold() -> None:
        with transaction.atomic():
            list(Comparison.objects.select_for_update(no_key=True))
            locked.set()
            answer.wait(0.3)

    def ask() -> Lease | None:
        locked.wait(5)
        return judging.lease_next(person=ben, project=project)

    _, taken = at_once(hold, ask)
    assert taken is not None


def test_the_queues_head_is_found_by_its_index() -> None:
    project = project_of_ada()
    comparisons(project, 300)
    values: dict[str, Any] = {
        "project": project.pk,
        "person": member(project, "Ben").pk,
        "arm": "chosen",
        "seconds": 60,
    }
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE labeling_comparison")
        cursor.execute("EXPLAIN " + take("chosen", wait=False), values)
        plan = "\n".join(row[0] for row in cursor.fetchall())
    assert "Index Scan using queue" in plan
    assert not re.search(r"Sort Key: (?!g\.number)", plan.split("labeling_comparisonresponse")[0])  # g: one guideline
