"""What finished runs have made becomes versions: a reward model goes into shadow, a policy before the gate."""

from pathlib import Path

from django.db import transaction
from django.db.models import Max
from django.utils import timezone

from labeling.actions.telling import tell_project
from labeling.models import Project
from training.folders import located, size_of, stored
from training.models import PolicyVersion, RewardVersion, Run
from training.policies import add_version

MODEL = "model"
NO_BETTER = "Training found nothing that its own ranking prefers to the version before, so nobody was asked."


def adopt_finished(project: Project) -> list[PolicyVersion | RewardVersion]:
    """Enter the results of runs that are done and have no version yet, oldest first."""
    done = project.runs.filter(state=Run.State.DONE, policy__isnull=True, reward__isnull=True).order_by("pk")
    return [_adopt(run) for run in done]


def _adopt(run: Run) -> PolicyVersion | RewardVersion:
    folder = Path(located(run.directory), MODEL)
    if run.kind == Run.Kind.POLICY:
        return add_version(
            run=run,
            directory=stored(folder),
            digest=run.result["digest"],
            size=size_of(folder),
            kl=float(run.result["kl"]),
            kl_error=float(run.result["kl_standard_error"]),
            why_not="" if run.result.get("best_round", 1) else NO_BETTER,
        )
    return _add_reward(run, folder)


@transaction.atomic
def _add_reward(run: Run, folder: Path) -> RewardVersion:
    """A new reward model takes the place of one that is still undecided: it has learned from more."""
    project = Project.objects.select_for_update().get(pk=run.project_id)
    shadow = project.rewards.filter(state=RewardVersion.State.SHADOW)
    shadow.update(state=RewardVersion.State.RETIRED, decided_at=timezone.now())
    highest = project.rewards.aggregate(highest=Max("number"))["highest"] or 0
    version = RewardVersion.objects.create(
        project=project,
        number=highest + 1,
        run=run,
        directory=stored(folder),
        digest=run.result["digest"],
        bytes=size_of(folder),
        state=RewardVersion.State.SHADOW,
        result=run.result,
    )
    tell_project(project.pk)
    return version
