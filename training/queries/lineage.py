"""From any response back to the judgments that shaped it, and from a judgment on to what it shaped."""

from dataclasses import dataclass, field

from labeling.models import Project, Response
from training.models import PolicyVersion, Run, Snapshot


@dataclass(frozen=True)
class Step:
    """One generation of a policy: the version, the run that made it and the snapshot that run learned from."""

    policy: PolicyVersion
    run: Run | None
    snapshot: Snapshot | None

    @property
    def judgments(self) -> int:
        """How many judgments the run learned from."""
        return len(self.snapshot.judgment_ids) if self.snapshot else 0


@dataclass(frozen=True)
class Ancestry:
    """A response's policy, its parent, and so on to the first, newest first."""

    response: Response
    steps: list[Step] = field(default_factory=list)


@dataclass(frozen=True)
class Influence:
    """What learned from a judgment: snapshots, the runs on them, the versions they made."""

    judgment_id: int
    snapshots: list[Snapshot]
    runs: list[Run]
    policies: list[PolicyVersion]


def ancestry(response: Response) -> Ancestry:
    """The chain of policies behind a response, in one statement per project, not per generation."""
    found = response.policy_version
    if found is None:
        return Ancestry(response)
    rows = PolicyVersion.objects.filter(project=found.project_id).select_related("run__snapshot")
    versions = {version.pk: version for version in rows}
    steps, at = [], versions.get(found.pk)
    while at is not None:
        run = at.run
        steps.append(Step(at, run, run.snapshot if run else None))
        at = versions.get(at.parent_id) if at.parent_id else None
    return Ancestry(response, steps)


def influence(project: Project, judgment_id: int) -> Influence:
    """Everything in a project that learned from one judgment."""
    snapshots = list(
        Snapshot.objects.filter(project=project, judgment_ids__contains=[judgment_id]).order_by("created_at")
    )
    runs = list(Run.objects.filter(snapshot__in=snapshots).order_by("pk"))
    policies = list(PolicyVersion.objects.filter(run__in=runs).order_by("number"))
    return Influence(judgment_id, snapshots, runs, policies)
