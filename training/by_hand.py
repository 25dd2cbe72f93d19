"""What an owner decides about versions: promote with a reason, roll back, confirm as the anchor."""

from django.db import transaction

from labeling.actions.telling import tell_project
from labeling.models import Person
from training.duels import end_open_trial, end_trial
from training.models import PolicyVersion, Trial
from training.policies import CannotPromote, promote


@transaction.atomic
def promote_by_hand(*, policy: PolicyVersion, by: Person, reason: str) -> PolicyVersion:
    """An owner's decision against or without the gate's; its reason is stored. An open trial of it ends."""
    if not reason.strip():
        raise CannotPromote("A promotion by hand needs a reason.")
    said = f"Promoted by hand: {reason.strip()}"
    trial = policy.project.trials.filter(candidate=policy, state=Trial.State.OPEN).first()
    if trial is not None:
        end_trial(trial=trial, state=Trial.State.PROMOTED, reason=said)
    return promote(policy=policy, reason=said, by=by)


@transaction.atomic
def roll_back(*, policy: PolicyVersion, by: Person) -> PolicyVersion:
    """Let an earlier promoted version answer again. Raises CannotPromote for one that was never promoted."""
    if policy.promoted_at is None:
        raise CannotPromote(f"Version {policy.number} was never promoted: promote it by hand with a reason.")
    before = policy.project.policies.filter(current=True).first()
    came_from = f" from version {before.number}" if before else ""
    end_open_trial(project=policy.project, reason=f"The project was rolled back to version {policy.number}.")
    return promote(policy=policy, reason=f"Rolled back{came_from}.", by=by)


@transaction.atomic
def re_anchor(*, policy: PolicyVersion, by: Person) -> PolicyVersion:
    """Measure KL and drift from this version from now on: an owner has looked at it and confirms it."""
    policy = PolicyVersion.objects.select_for_update().get(pk=policy.pk)
    if not policy.current:
        raise CannotPromote(f"Only the version that answers can be the anchor; version {policy.number} does not.")
    policy.project.policies.filter(anchor=True).update(anchor=False)
    policy.anchor, policy.kl, policy.kl_standard_error = True, 0.0, 0.0
    policy.decided_by = by
    policy.save(update_fields=["anchor", "kl", "kl_standard_error", "decided_by"])
    tell_project(policy.project_id)
    return policy
