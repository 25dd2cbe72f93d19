"""Which reward model is meant: a project's version or posterior, a directory, or a policy beside its reference."""

from dataclasses import dataclass
from pathlib import Path

from labeling.models import Project
from training.answering import Shelf
from training.folders import located
from training.learning.models import NoModel, load_policy
from training.learning.rewards.ensemble import RewardEnsemble
from training.learning.rewards.fast.features import FeatureModel
from training.learning.rewards.fast.posterior import FastPosterior
from training.learning.rewards.heads.implicit import ImplicitReward
from training.learning.rewards.robust.posterior_reward import PosteriorReward
from training.models import Posterior, RewardVersion
from training.posterior.features import feature_folder, feature_policy

POSTERIOR = "posterior"


@dataclass(frozen=True)
class Asked:
    """A reward model to report on. ``seen`` are the judgments it was fitted to; None: unknown, or all there are.

    Then every judgment on a training prompt counts as fitted.
    """

    name: str
    model: RewardEnsemble
    seen: frozenset[int] | None


def of_project(project: Project, wanted: str) -> Asked:
    """A version's number, ``posterior``, a directory, or "" for the active version, else the posterior.

    Raises NoModel in words.
    """
    if not wanted:
        active = project.rewards.filter(state=RewardVersion.State.ACTIVE).first()
        return _version(active) if active else _posterior(project)
    if wanted == POSTERIOR:
        return _posterior(project)
    if wanted.isdigit():
        version = project.rewards.select_related("run__snapshot").filter(number=int(wanted)).first()
        if version is None:
            raise NoModel(f"{project.slug} has no reward model {wanted}")
        return _version(version)
    return Asked(Path(wanted).name, of_directory(wanted), None)  # what it was fitted to, nobody knows


def of_directory(place: str) -> RewardEnsemble:
    """The reward model that Heed saved in a directory. Raises NoModel in words."""
    if not Path(place).is_dir():
        raise NoModel(f"no reward model there: {place!r} is not a directory")
    return RewardEnsemble.load(Path(place))


def implicit(policy: str, reference: str, beta: float, max_length: int) -> RewardEnsemble:
    """A policy as the reward it implies: β·log π/π_ref (DPO, arXiv:2305.18290). Raises NoModel in words."""
    return RewardEnsemble((ImplicitReward(load_policy(policy), load_policy(reference), beta, max_length),))


def _version(version: RewardVersion) -> Asked:
    if version.deleted_at is not None:
        raise NoModel(f"the files of reward model {version.number} were deleted to save disk")
    taken = version.run.snapshot if version.run else None
    seen = frozenset(taken.judgment_ids) if taken else None
    return Asked(f"reward:{version.number}", RewardEnsemble.load(Path(located(version.directory))), seen)


def _posterior(project: Project) -> Asked:
    row = Posterior.objects.filter(project=project).first()
    if row is None or not project.policies.exists():
        raise NoModel(f"{project.slug} has neither a reward model nor a posterior yet: judge some pairs first")
    policy = Shelf().policy(feature_policy(project))
    try:
        features = FeatureModel.load(feature_folder(project, row.model_digest), policy)
        posterior = FastPosterior.from_bytes(bytes(row.state))
    except ValueError as error:
        raise NoModel(f"the posterior of {project.slug} cannot be read: {error}") from error
    return Asked(POSTERIOR, RewardEnsemble((PosteriorReward(features, posterior),)), None)
