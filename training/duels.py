"""Trials at the gate: fresh duels on held-out prompts, settled one by one, until the evidence decides."""

from collections.abc import Sequence
from datetime import timedelta

from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils import timezone

from labeling.actions.projecting import pause_project
from labeling.actions.queueing import NewComparison, add_comparisons, withdraw_comparisons
from labeling.actions.telling import tell_project
from labeling.models import Arm, Comparison, Project, Prompt
from labeling.models import State as QueueState
from training import policies
from training.gate import Evidence, Rules, Verdict, e_value, verdict
from training.models import Duel, PolicyVersion, Trial
from training.snapshot import Verdict as Judged
from training.snapshot import verdicts_of

AHEAD = 8  # duels that wait in the queue, for each judgment that one needs
CUT_SHORT = "The trial has ended."


def rules_of(trial: Trial) -> Rules:
    """The rules that were settled when the trial was opened."""
    return Rules(alpha=trial.alpha, budget=trial.budget)


def evidence_of(trial: Trial) -> Evidence:
    """The evidence as it is stored."""
    return Evidence(trial.settled, trial.log_e_better, trial.log_e_worse)


def open_trial(*, candidate: PolicyVersion, purpose: Trial.Purpose = Trial.Purpose.PROMOTION) -> Trial | None:
    """Put a candidate before the gate: against the incumbent, or for a drift check against the anchor.

    None when another trial is open, or there is nobody to meet.
    """
    project = candidate.project
    against = {"anchor": True} if purpose == Trial.Purpose.DRIFT else {"current": True}
    incumbent = project.policies.filter(**against).exclude(pk=candidate.pk).first()
    if incumbent is None:
        return None
    try:
        with transaction.atomic():
            trial = Trial.objects.create(
                project=project,
                purpose=purpose,
                candidate=candidate,
                incumbent=incumbent,
                budget=project.duel_budget,
                closes_at=timezone.now() + timedelta(days=project.duel_days),
            )
    except IntegrityError:
        return None
    tell_project(project.pk)
    return trial


def missing_duels(trial: Trial) -> int:
    """How many duels to add now: enough that judging never waits for one, few enough that little is wasted."""
    made = trial.duels.count()
    waiting = trial.duels.filter(outcome__isnull=True).count()
    return max(0, min(AHEAD * trial.project.overlap - waiting, trial.budget - made))


@transaction.atomic
def store_duels(
    trial: Trial, prompts: Sequence[Prompt], pairs: Sequence[tuple[int, int]], places: Sequence[int]
) -> list[int]:
    """Enter duels under the next numbers. Returns their comparisons' ids; none when the trial has ended."""
    locked = Trial.objects.select_for_update().get(pk=trial.pk)
    if locked.state != Trial.State.OPEN:
        return []
    number = locked.duels.count()
    made = add_comparisons(
        project=locked.project,
        comparisons=[
            NewComparison(prompt_id=prompt.pk, response_ids=pair, arm=Arm.DUEL, method="duel")
            for prompt, pair in zip(prompts, pairs, strict=True)
        ],
    )
    Duel.objects.bulk_create(
        Duel(trial=locked, number=number + index, comparison_id=pk, candidate_position=place)
        for index, (pk, place) in enumerate(zip(made, places, strict=True), start=1)
    )
    return made


def outcome(judged: Sequence[Judged], candidate_position: int) -> float:
    """The mean over a duel's people: 1 where they prefer the candidate, at any strength, ½ where neither."""
    planned = [one for one in judged if not one.late] or list(judged)
    firsts = [0.5 if one.p is None else one.p for one in planned]
    mean = sum(firsts) / len(firsts) if firsts else 0.5
    return mean if candidate_position == 0 else 1.0 - mean


def settle(*, trial: Trial) -> Verdict:
    """Settle every duel whose planned judgments are in, in the order of their numbers, and say what follows.

    The order is fixed beforehand, so that a quickly judged duel is not settled before a slow one: speed may go
    with the answer. A duel that was withdrawn, because an owner took it out, is a draw. Each is settled once;
    later amendments do not move it.
    """
    found = standing(trial)
    while found is Verdict.UNDECIDED and _settle_next(trial):
        trial.refresh_from_db()
        found = standing(trial)
    return found


def standing(trial: Trial) -> Verdict:
    """What the evidence says now. A drift check asks only whether the version has become worse."""
    found = verdict(evidence_of(trial), rules_of(trial))
    watching = trial.purpose == Trial.Purpose.DRIFT and found is Verdict.HOPELESS
    return Verdict.UNDECIDED if watching else found


@transaction.atomic
def _settle_next(trial: Trial) -> bool:
    locked = Trial.objects.select_for_update().get(pk=trial.pk)
    duel = locked.duels.filter(outcome__isnull=True).select_related("comparison").order_by("number").first()
    if duel is None or locked.state != Trial.State.OPEN:
        return False
    evidence = evidence_of(locked)
    if duel.stake_better is None or duel.stake_worse is None:
        duel.stake_better, duel.stake_worse = evidence.stakes(rules_of(locked))
        duel.save(update_fields=["stake_better", "stake_worse"])
    if duel.comparison.state == QueueState.OPEN:
        return False
    judged = verdicts_of([duel.comparison_id]) if duel.comparison.state == QueueState.FULL else []
    duel.outcome, duel.settled_at = outcome(judged, duel.candidate_position), timezone.now()
    duel.save(update_fields=["outcome", "settled_at"])
    after = evidence.after(duel.outcome, (duel.stake_better, duel.stake_worse))
    locked.settled, locked.log_e_better = after.settled, after.log_e_better
    locked.log_e_worse = after.log_e_worse
    locked.save(update_fields=["settled", "log_e_better", "log_e_worse"])
    tell_project(locked.project_id)
    return True


@transaction.atomic
def decide(*, trial: Trial, found: Verdict) -> bool:
    """Act on the evidence, or on the end of the time. Returns whether the trial has ended."""
    trial = Trial.objects.select_for_update().get(pk=trial.pk)
    if trial.state != Trial.State.OPEN:
        return True
    late = timezone.now() >= trial.closes_at
    if found is Verdict.UNDECIDED and not late:
        return False
    reason = reason_for(trial, found)
    if trial.purpose == Trial.Purpose.DRIFT:
        end_trial(trial=trial, state=Trial.State.WATCHED, reason=reason)
        if found is Verdict.WORSE:
            pause_project(project=trial.project, by=None, reason=f"Drift. {reason}"[:300])
    elif found is Verdict.BETTER:
        end_trial(trial=trial, state=Trial.State.PROMOTED, reason=reason)
        policies.promote(policy=trial.candidate, reason=reason)
    elif found in (Verdict.WORSE, Verdict.HOPELESS):
        end_trial(trial=trial, state=Trial.State.REFUSED, reason=reason)
        policies.turn_down(policy=trial.candidate, state=PolicyVersion.State.REFUSED, reason=reason)
    else:
        end_trial(trial=trial, state=Trial.State.EXPIRED, reason=reason)
        policies.turn_down(policy=trial.candidate, state=PolicyVersion.State.EXPIRED, reason=reason)
    return True


def reason_for(trial: Trial, found: Verdict) -> str:
    """Why the trial ended, in one or two sentences with its numbers."""
    share = mean_outcome(trial)
    duels = f"{trial.settled} duel{'' if trial.settled == 1 else 's'}"
    numbers = f"it won {share:.0%} of {duels}, e-value {e_value(trial.log_e_better):.1f}"
    whom = f"version {trial.incumbent.number}"
    if found is Verdict.BETTER:
        return f"People prefer it to {whom}: {numbers}."
    if found is Verdict.WORSE:
        return f"People prefer {whom}: {numbers}, against it {e_value(trial.log_e_worse):.1f}."
    if found is Verdict.HOPELESS:
        return f"No better than {whom} as far as people can tell: {numbers}; the rest could not decide."
    what = "The duel budget is spent" if found is Verdict.SPENT else "The time for duels is over"
    return f"{what} without a decision: {numbers}. An owner may still promote it by hand."


def mean_outcome(trial: Trial) -> float:
    """The candidate's share of the settled duels, ties counted half; ½ before the first."""
    settled = list(trial.duels.filter(outcome__isnull=False).values_list("outcome", flat=True))
    known = [value for value in settled if value is not None]
    return sum(known) / len(known) if known else 0.5


@transaction.atomic
def end_trial(*, trial: Trial, state: Trial.State, reason: str) -> None:
    """Close a trial and take its unjudged duels out of the queue; one that somebody holds may be finished."""
    Trial.objects.filter(pk=trial.pk).update(state=state, reason=reason, closed_at=timezone.now())
    left = Comparison.objects.filter(Q(duel__trial=trial), state=QueueState.OPEN).values_list("pk", flat=True)
    withdraw_comparisons(project=trial.project, reason=CUT_SHORT, ids=list(left))
    tell_project(trial.project_id)


def end_open_trial(*, project: Project, reason: str) -> None:
    """End whatever trial is open, without a decision of the gate."""
    trial = project.trials.filter(state=Trial.State.OPEN).select_related("candidate").first()
    if trial is None:
        return
    end_trial(trial=trial, state=Trial.State.EXPIRED, reason=reason)
    if trial.purpose == Trial.Purpose.PROMOTION:
        policies.turn_down(policy=trial.candidate, state=PolicyVersion.State.EXPIRED, reason=reason)
