"""Whatever people do in whatever order: never more holders than needed, nobody judges twice, nothing is lost."""

import uuid
from collections import Counter
from typing import Any

import pytest
from django.db import connection, transaction
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from labeling.actions import judging, queueing
from labeling.actions.errors import Conflict
from labeling.models import Arm, Comparison, Judgment, Lease, Report, State
from tests.labeling.cast import comparisons, expire, member, project_of_ada

PEOPLE = 3
WHO = st.integers(0, PEOPLE - 1)


class Queue(RuleBasedStateMachine):
    """People lease, judge, dawdle, come late, send twice, skip, give back; machines re-order and withdraw."""

    def __init__(self) -> None:
        super().__init__()
        # Rolled back at the end: nothing of one example reaches the next.
        self.atomic = transaction.atomic()
        self.atomic.__enter__()
        self.acknowledged: dict[uuid.UUID, tuple[int, int, Lease]] = {}
        self.shown: dict[int, list[Lease]] = {who: [] for who in range(PEOPLE)}

    @initialize(needs=st.integers(1, 3), count=st.integers(1, 4))
    def begin(self, needs: int, count: int) -> None:
        self.project = project_of_ada(overlap=needs, duel_share=0.3)
        self.people = [member(self.project, f"Judge{number}") for number in range(PEOPLE)]
        comparisons(self.project, count)
        comparisons(self.project, 1, arm=Arm.DUEL)

    @rule(who=WHO)
    def ask(self, who: int) -> None:
        taken = judging.lease_next(person=self.people[who], project=self.project)
        self._show(who, taken)

    def _show(self, who: int, taken: Lease | None) -> None:
        """Nobody is shown anew what they judged or passed over."""
        if taken is None or taken in self.shown[who]:
            return
        mine = {"comparison_id": taken.comparison_id, "person": self.people[who]}
        assert not Judgment.objects.filter(**mine).exists()
        assert not Report.objects.filter(**mine).exists()
        self.shown[who].append(taken)

    @rule(who=WHO, answer=st.sampled_from([0, 1, 4, 7, 9]), which=st.integers(-3, -1))
    def judge(self, who: int, answer: int, which: int) -> None:
        """Send a verdict on the page that is open, or on one that was left open in another tab."""
        if len(self.shown[who]) < -which:
            return
        taken, client_id = self.shown[who][which], uuid.uuid4()
        judged = self._judged(who, taken)
        try:
            submitted = self._send(who, taken, client_id, answer)
        except Conflict as conflict:
            assert judged and conflict.judgment.comparison_id == taken.comparison_id
            return
        assert not judged and not submitted.repeated
        self.acknowledged[client_id] = (who, answer, taken)
        self._show(who, submitted.next_lease)

    @rule(which=st.integers(0, 99))
    def send_again(self, which: int) -> None:
        if self.acknowledged:
            client_id = list(self.acknowledged)[which % len(self.acknowledged)]
            who, answer, taken = self.acknowledged[client_id]
            assert self._send(who, taken, client_id, answer).repeated

    @rule(who=WHO, how=st.sampled_from(["skip", "flag", "release", "renew", "expire"]))
    def leave(self, who: int, how: str) -> None:
        taken = Lease.objects.filter(person=self.people[who], ended_at__isnull=True).first()
        if taken is None:
            return
        me: dict[str, Any] = {"person": self.people[who], "lease_id": taken.pk}
        match how:
            case "skip":
                judging.skip_comparison(**me, reason="unclear")
            case "flag":
                judging.flag_comparison(**me, reason="harmful")
            case "release":
                judging.release_lease(**me)
            case "renew" if taken.renewals < Lease.MAX_RENEWALS:
                Lease.objects.filter(pk=taken.pk).update(renewals=taken.renewals + 1)
            case _:
                expire(taken)

    @rule(scores=st.lists(st.floats(-5, 5), min_size=5, max_size=5))
    def reorder(self, scores: list[float]) -> None:
        ordered = sorted(
            zip(Comparison.objects.values_list("pk", flat=True), scores, strict=False), key=lambda pair: -pair[1]
        )
        ranked = [(pk, score, rank) for rank, (pk, score) in enumerate(ordered, 1)]
        queueing.reorder_queue(project=self.project, scores=ranked, model_version="posterior:1")

    @rule()
    def add(self) -> None:
        if Comparison.objects.filter(project=self.project).count() < 8:
            comparisons(self.project, 1)

    @rule()
    def promote(self) -> None:
        queueing.mark_superseded(project=self.project, reason="A new policy.")

    def _send(self, who: int, taken: Lease, client_id: uuid.UUID, answer: int) -> judging.Submitted:
        return judging.submit_verdict(
            person=self.people[who], lease_id=taken.pk, uuid=client_id, answer=answer, seconds=1.0
        )

    def _judged(self, who: int, taken: Lease) -> bool:
        return Judgment.objects.filter(person=self.people[who], comparison_id=taken.comparison_id).exists()

    @invariant()
    def never_more_holders_than_needed(self) -> None:
        held = Counter(Lease.objects.filter(ended_at__isnull=True).values_list("comparison_id", flat=True))
        planned = Counter(
            Judgment.objects.filter(late=False, amends__isnull=True).values_list("comparison_id", flat=True)
        )
        for row in Comparison.objects.all():
            assert row.held == held[row.pk]
            assert row.taken == planned[row.pk]
            assert row.taken + row.held <= row.needs
            assert (row.state == State.FULL) == (row.taken == row.needs)

    @invariant()
    def nobody_judges_twice_and_nothing_acknowledged_is_lost(self) -> None:
        stored = Judgment.objects.values_list("uuid", "answer", "comparison_id", "person_id")
        assert {row[0] for row in stored} == set(self.acknowledged)
        for client_id, answer, comparison_id, _ in stored:
            assert self.acknowledged[client_id][1:2] == (answer,)
            assert self.acknowledged[client_id][2].comparison_id == comparison_id
        assert len({row[2:] for row in stored}) == len(stored)

    @invariant()
    def duels_keep_their_place(self) -> None:
        duels = Comparison.objects.filter(arm=Arm.DUEL)
        assert not duels.exclude(score=None).exists()
        assert not duels.filter(state=State.WITHDRAWN).exists()

    def teardown(self) -> None:
        connection.set_rollback(True)
        self.atomic.__exit__(None, None, None)


@pytest.mark.django_db(transaction=True)
def test_the_queue_keeps_its_promises_whatever_people_do() -> None:
    quick = settings(
        max_examples=8,
        stateful_step_count=25,
        suppress_health_check=list(HealthCheck),
        derandomize=True,
    )
    run_state_machine_as_test(Queue, settings=quick)


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_the_queue_keeps_its_promises_in_long_stories() -> None:
    thorough = settings(max_examples=100, stateful_step_count=50, suppress_health_check=list(HealthCheck))
    run_state_machine_as_test(Queue, settings=thorough)
