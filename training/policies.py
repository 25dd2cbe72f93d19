"""What becomes of policy versions: candidate, promoted, refused, rolled back to, anchored."""

from django.db import transaction
from django.db.models import Max
from django.utils import timezone

from labeling.actions.queueing import mark_superseded
from labeling.actions.telling import tell_project
from labeling.models import Person, Project
from training.models import PolicyVersion, Run
from training.snapshot import held_out_prompts

State = PolicyVersion.State
DRIFT_EVERY = 5  # promotions
NO_PROMPTS = "It waits for held-out prompts to duel on: add prompts, and a share of them is held out."


class CannotPromote(ValueError):
    """A version cannot be made the current one; the message says why."""


@transaction.atomic
def add_version(
    *, run: Run, directory: str, digest: str, size: int, kl: float, kl_error: float, why_not: str = ""
) -> PolicyVersion:
    """Enter what a policy run made. Inside the project's KL budget it waits for the gate, else it is refused.

    `why_not` is a reason found before: it is refused with that.
    """
    project = Project.objects.select_for_update().get(pk=run.project_id)
    highest = project.policies.aggregate(highest=Max("number"))["highest"] or 0
    why_not = why_not or ("" if kl <= project.kl_budget else _beyond(kl, kl_error, project.kl_budget))
    version = PolicyVersion.objects.create(
        project=project,
        number=highest + 1,
        parent=run.base,
        run=run,
        directory=directory,
        digest=digest,
        bytes=size,
        state=State.REFUSED if why_not else State.CANDIDATE,
        kl=kl,
        kl_standard_error=kl_error,
        state_reason=why_not or ("" if held_out_prompts(project).exists() else NO_PROMPTS),
    )
    tell_project(project.pk)
    return version


def _beyond(kl: float, error: float, budget: float) -> str:
    return (
        f"Its KL from the anchor is {kl:.1f} ± {error:.1f} nats and the budget is {budget:g}: "
        "measure KL from the current version, or raise the budget."
    )


@transaction.atomic
def promote(*, policy: PolicyVersion, reason: str, by: Person | None = None) -> PolicyVersion:
    """Let a version answer from now on. `by` is None when the gate decided.

    What the queue holds of the version before is withdrawn unless somebody holds it. Raises CannotPromote when
    its weights are gone or it answers already.
    """
    policy = PolicyVersion.objects.select_for_update().get(pk=policy.pk)
    if policy.current:
        raise CannotPromote(f"Version {policy.number} answers already.")
    if policy.deleted_at is not None:
        raise CannotPromote(f"The weights of version {policy.number} were deleted to save disk.")
    project = Project.objects.select_for_update().get(pk=policy.project_id)
    project.policies.filter(current=True).update(current=False)
    policy.state, policy.current, policy.state_reason = State.PROMOTED, True, reason
    policy.promoted_at, policy.decided_by = timezone.now(), by
    policy.save(update_fields=["state", "current", "state_reason", "promoted_at", "decided_by"])
    mark_superseded(project=project, reason=f"Version {policy.number} answers now.")
    tell_project(project.pk)
    return policy


@transaction.atomic
def turn_down(*, policy: PolicyVersion, state: PolicyVersion.State, reason: str) -> None:
    """End a candidacy without a promotion: refused, or expired with its budget spent."""
    PolicyVersion.objects.filter(pk=policy.pk, state=State.CANDIDATE).update(state=state, state_reason=reason)
    tell_project(policy.project_id)


def drift_is_due(project: Project) -> PolicyVersion | None:
    """The current version, when it is a fifth promotion by the gate that has not yet duelled the anchor."""
    current = project.policies.filter(current=True, anchor=False, run__isnull=False).first()
    if current is None or current.trials.filter(purpose="drift").exists():
        return None
    promotions = project.policies.filter(run__isnull=False, promoted_at__isnull=False).count()
    return current if promotions % DRIFT_EVERY == 0 else None
