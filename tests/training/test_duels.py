"""Trials at the gate: duels are settled in order, once, and the evidence decides."""

import random
from datetime import timedelta

import pytest
from django.utils import timezone

from labeling.models import Arm, Comparison, Project, Split, State
from tests.training.cast import a_judgment, a_person, a_policy, a_project, a_prompt, a_response
from training import by_hand, duels, policies
from training.gate import Verdict
from training.models import PolicyVersion, Trial

pytestmark = pytest.mark.django_db


def at_the_gate(**settings: object) -> Trial:
    """A project whose candidate meets the incumbent."""
    project = a_project(**{"duel_budget": 40, **settings})
    first = a_policy(project, 1, current=True, anchor=True, promoted_at=timezone.now())
    candidate = a_policy(project, 2, parent=first, state=PolicyVersion.State.CANDIDATE)
    trial = duels.open_trial(candidate=candidate)
    assert trial is not None
    return trial


def with_duels(trial: Trial, count: int, position: int = 0) -> list[Comparison]:
    prompts = [a_prompt(trial.project, split=Split.HELD_OUT) for _ in range(count)]
    pairs = [(a_response(prompt, policy=trial.candidate).pk, a_response(prompt).pk) for prompt in prompts]
    made = duels.store_duels(trial, prompts, pairs, [position] * count)
    return [Comparison.objects.get(pk=pk) for pk in made]


def judged(comparison: Comparison, *answers: int) -> None:
    for answer in answers:
        a_judgment(comparison, answer, a_person(comparison.project))
    full = len(answers) >= comparison.needs
    Comparison.objects.filter(pk=comparison.pk).update(taken=len(answers), state=State.FULL if full else State.OPEN)


def test_a_duel_is_a_comparison_of_its_own_arm_without_a_score() -> None:
    trial = at_the_gate(overlap=3)
    [comparison] = with_duels(trial, 1)
    assert (comparison.arm, comparison.score, comparison.needs) == (Arm.DUEL, None, 3)
    assert trial.duels.get().number == 1


@pytest.mark.parametrize(
    ("answers", "position", "expected"),
    [((1,), 0, 1.0), ((1,), 1, 0.0), ((7,), 1, 1.0), ((4,), 0, 0.5), ((0, 9), 0, 0.5), ((1, 3, 5), 0, 2 / 3)],
)
def test_the_outcome_is_the_mean_over_its_people(answers: tuple[int, ...], position: int, expected: float) -> None:
    trial = at_the_gate(overlap=len(answers))
    [comparison] = with_duels(trial, 1, position)
    judged(comparison, *answers)
    duels.settle(trial=trial)
    duel = trial.duels.get()
    assert duel.outcome == pytest.approx(expected)
    assert duel.stake_better is not None
    assert duel.settled_at is not None


def test_nothing_is_settled_before_its_planned_judgments_are_in() -> None:
    trial = at_the_gate(overlap=2)
    [comparison] = with_duels(trial, 1)
    judged(comparison, 1)
    assert duels.settle(trial=trial) is Verdict.UNDECIDED
    trial.refresh_from_db()
    assert trial.settled == 0
    assert trial.duels.get().stake_better is not None, "the stake is fixed before the outcome is seen"


def test_a_judgment_that_came_beyond_the_plan_does_not_count() -> None:
    trial = at_the_gate()
    [comparison] = with_duels(trial, 1)
    judged(comparison, 1)
    a_judgment(comparison, 7, late=True)
    duels.settle(trial=trial)
    assert trial.duels.get().outcome == 1.0


def test_duels_settle_in_the_order_of_their_numbers() -> None:
    """A quick second duel waits for the first: speed may go with the answer."""
    trial = at_the_gate()
    first, second = with_duels(trial, 2)
    judged(second, 1)
    duels.settle(trial=trial)
    trial.refresh_from_db()
    assert trial.settled == 0
    judged(first, 7)
    duels.settle(trial=trial)
    outcomes = list(trial.duels.order_by("number").values_list("outcome", flat=True))
    assert outcomes == [0.0, 1.0]


def test_an_amendment_does_not_move_a_settled_duel() -> None:
    trial = at_the_gate()
    [comparison] = with_duels(trial, 1)
    judgment = a_judgment(comparison, 1)
    Comparison.objects.filter(pk=comparison.pk).update(state=State.FULL)
    duels.settle(trial=trial)
    a_judgment(comparison, 7, judgment.person, amends=judgment)
    duels.settle(trial=trial)
    assert trial.duels.get().outcome == 1.0


def test_a_duel_that_was_taken_out_is_a_draw() -> None:
    trial = at_the_gate()
    [comparison] = with_duels(trial, 1)
    Comparison.objects.filter(pk=comparison.pk).update(state=State.WITHDRAWN)
    duels.settle(trial=trial)
    trial.refresh_from_db()
    assert (trial.settled, trial.log_e_better, trial.log_e_worse) == (1, 0.0, 0.0)


def play(trial: Trial, answers: list[int]) -> bool:
    """Judge duels one after the other until the gate has decided."""
    for answer in answers:
        [comparison] = with_duels(trial, 1)
        judged(comparison, answer)
        trial = Trial.objects.select_related("project", "candidate", "incumbent").get(pk=trial.pk)
        if duels.decide(trial=trial, found=duels.settle(trial=trial)):
            return True
    return False


def test_a_candidate_that_people_prefer_is_promoted_and_the_queue_is_renewed() -> None:
    trial = at_the_gate()
    prompt = a_prompt(trial.project)
    old = Comparison.objects.create(project=trial.project, prompt=prompt, arm=Arm.CHOSEN)
    held = Comparison.objects.create(project=trial.project, prompt=prompt, arm=Arm.CHOSEN, held=1)
    assert play(trial, [1] * 30)
    trial.refresh_from_db()
    candidate = PolicyVersion.objects.get(pk=trial.candidate_id)
    assert (trial.state, candidate.state, candidate.current) == ("promoted", "promoted", True)
    assert "People prefer it to version 1" in candidate.state_reason
    assert not PolicyVersion.objects.get(pk=trial.incumbent_id).current
    old.refresh_from_db()
    held.refresh_from_db()
    assert (old.state, held.state, held.superseded_at is not None) == (State.WITHDRAWN, State.OPEN, True)


def test_a_candidate_that_people_like_less_is_refused_with_its_numbers() -> None:
    trial = at_the_gate()
    assert play(trial, [7] * 30)
    trial.refresh_from_db()
    candidate = PolicyVersion.objects.get(pk=trial.candidate_id)
    assert (trial.state, candidate.state, candidate.current) == ("refused", "refused", False)
    assert "it won 0% of" in candidate.state_reason


def test_a_candidate_that_is_no_better_is_refused_when_the_rest_could_not_decide() -> None:
    trial = at_the_gate()
    assert play(trial, [1, 7] * 20)
    trial.refresh_from_db()
    assert trial.state == "refused"
    assert "as far as people can tell" in trial.reason
    assert trial.settled < 40


def test_the_end_of_the_time_ends_the_trial_undecided_and_takes_its_duels_out() -> None:
    trial = at_the_gate()
    [comparison] = with_duels(trial, 1)
    Trial.objects.filter(pk=trial.pk).update(closes_at=timezone.now() - timedelta(seconds=1))
    trial.refresh_from_db()
    assert duels.decide(trial=trial, found=duels.settle(trial=trial))
    trial.refresh_from_db()
    comparison.refresh_from_db()
    assert (trial.state, comparison.state) == ("expired", State.WITHDRAWN)
    assert PolicyVersion.objects.get(pk=trial.candidate_id).state == "expired"
    assert "may still promote it by hand" in trial.reason


def test_a_closed_trial_takes_no_more_duels_and_decides_nothing_twice() -> None:
    trial = at_the_gate()
    duels.end_open_trial(project=trial.project, reason="enough")
    duels.end_open_trial(project=trial.project, reason="nothing is open any more")
    assert with_duels(trial, 2) == []
    trial.refresh_from_db()
    assert duels.decide(trial=trial, found=Verdict.BETTER)
    assert not PolicyVersion.objects.get(pk=trial.candidate_id).current
    assert trial.reason == "enough"


def test_enough_duels_wait_and_never_more_than_the_budget_has_left() -> None:
    trial = at_the_gate(duel_budget=12)
    assert duels.missing_duels(trial) == duels.AHEAD
    with_duels(trial, 8)
    assert duels.missing_duels(trial) == 0
    for comparison in Comparison.objects.filter(duel__trial=trial):
        judged(comparison, 4)
    duels.settle(trial=trial)
    assert duels.missing_duels(trial) == 4


def test_one_trial_is_open_at_a_time_and_nobody_meets_himself() -> None:
    trial = at_the_gate()
    assert duels.open_trial(candidate=trial.candidate) is None
    alone = a_policy(a_project(), 1, current=True, anchor=True)
    assert duels.open_trial(candidate=alone) is None


def test_every_fifth_promotion_also_meets_the_anchor_and_a_loss_pauses_the_loop() -> None:
    project = a_project(duel_budget=40)
    a_policy(project, 1, anchor=True, promoted_at=timezone.now())
    for number in range(2, 7):
        version = a_policy(project, number, current=number == 6, run=a_run(project), promoted_at=timezone.now())
        assert policies.drift_is_due(project) == (version if number == 6 else None)
    trial = duels.open_trial(candidate=version, purpose=Trial.Purpose.DRIFT)
    assert trial is not None
    assert trial.incumbent.number == 1
    assert play(trial, [7] * 30)
    trial.refresh_from_db()
    project.refresh_from_db()
    assert trial.state == "watched"
    assert project.paused
    assert project.paused_reason.startswith("Drift. People prefer version 1")
    assert policies.drift_is_due(project) is None


def a_run(project: Project) -> object:
    from training.models import Run

    return Run.objects.create(project=project, kind="policy", state="done")


def test_an_owner_promotes_by_hand_with_a_reason_that_is_stored() -> None:
    trial = at_the_gate()
    owner = a_person(trial.project, "owner")
    with pytest.raises(policies.CannotPromote, match="needs a reason"):
        by_hand.promote_by_hand(policy=trial.candidate, by=owner, reason="  ")
    promoted = by_hand.promote_by_hand(policy=trial.candidate, by=owner, reason="The pilot group is sure.")
    trial.refresh_from_db()
    assert (promoted.current, promoted.decided_by) == (True, owner)
    assert promoted.state_reason == "Promoted by hand: The pilot group is sure."
    assert (trial.state, trial.reason) == ("promoted", promoted.state_reason)


def test_a_version_without_weights_or_already_current_is_not_promoted() -> None:
    trial = at_the_gate()
    owner = a_person(trial.project, "owner")
    with pytest.raises(policies.CannotPromote, match="answers already"):
        by_hand.promote_by_hand(policy=trial.incumbent, by=owner, reason="again")
    PolicyVersion.objects.filter(pk=trial.candidate_id).update(deleted_at=timezone.now())
    with pytest.raises(policies.CannotPromote, match="deleted to save disk"):
        by_hand.promote_by_hand(policy=trial.candidate, by=owner, reason="now")


def test_rolling_back_is_one_step_and_ends_what_is_at_the_gate() -> None:
    trial = at_the_gate()
    owner = a_person(trial.project, "owner")
    by_hand.promote_by_hand(policy=trial.candidate, by=owner, reason="pilot")
    again = a_policy(trial.project, 3, state=PolicyVersion.State.CANDIDATE)
    second = duels.open_trial(candidate=again)
    assert second is not None
    back = by_hand.roll_back(policy=trial.incumbent, by=owner)
    second.refresh_from_db()
    again.refresh_from_db()
    assert (back.current, back.state_reason) == (True, "Rolled back from version 2.")
    assert (second.state, again.state) == ("expired", "expired")
    with pytest.raises(policies.CannotPromote, match="never promoted"):
        by_hand.roll_back(policy=again, by=owner)


def test_only_the_version_that_answers_becomes_the_anchor() -> None:
    trial = at_the_gate()
    owner = a_person(trial.project, "owner")
    with pytest.raises(policies.CannotPromote, match="does not"):
        by_hand.re_anchor(policy=trial.candidate, by=owner)
    by_hand.promote_by_hand(policy=trial.candidate, by=owner, reason="pilot")
    anchored = by_hand.re_anchor(policy=trial.candidate, by=owner)
    assert (anchored.anchor, anchored.kl) == (True, 0.0)
    assert not PolicyVersion.objects.get(pk=trial.incumbent_id).anchor


@pytest.mark.parametrize(("kl", "state"), [(3.0, "candidate"), (50.0, "refused")])
def test_a_new_version_meets_the_gate_only_inside_its_kl_budget(kl: float, state: str) -> None:
    project = a_project()
    first = a_policy(project, 1, current=True, anchor=True)
    run = a_run(project)
    run.base = first  # type: ignore[attr-defined]
    version = policies.add_version(
        run=run,  # type: ignore[arg-type]
        directory="home:x",
        digest="d",
        size=10,
        kl=kl,
        kl_error=0.4,
    )
    assert (version.number, version.parent, version.state) == (2, first, state)
    assert ("50.0 ± 0.4 nats" in version.state_reason) == (state == "refused")


def test_held_out_prompts_are_drawn_with_replacement_for_both_sides(monkeypatch: pytest.MonkeyPatch) -> None:
    from training import duelling

    trial = at_the_gate()
    prompts = [a_prompt(trial.project, split=Split.HELD_OUT) for _ in range(2)]
    a_prompt(trial.project)
    asked: list[tuple[int, list[int]]] = []

    def answer(*, version: PolicyVersion, prompts: list, seeds: list[int], **rest: object) -> list[int]:
        asked.append((version.number, [prompt.pk for prompt in prompts]))
        return [a_response(prompt).pk for prompt in prompts]

    monkeypatch.setattr(duelling, "answer", answer)
    made = duelling.add_duels(trial=trial, count=6, shelf=None, chance=random.Random(5))  # type: ignore[arg-type]
    assert len(made) == 6
    (ours, first), (theirs, second) = asked
    assert (ours, theirs) == (2, 1)
    assert first == second
    assert set(first) == {prompt.pk for prompt in prompts}
    places = set(trial.duels.values_list("candidate_position", flat=True))
    assert places == {0, 1}


def test_a_project_without_held_out_prompts_gets_no_duels() -> None:
    from training import duelling

    trial = at_the_gate()
    a_prompt(trial.project)
    assert duelling.add_duels(trial=trial, count=3, shelf=None, chance=random.Random(1)) == []  # type: ignore[arg-type]
