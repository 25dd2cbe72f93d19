"""Reward models take over in shadow: judged on new judgments that neither model has learned from.

L is the sum of log p_new - log p_old over those judgments. From 20 on the new model takes over when L ≥ 0; it is
refused at L ≤ -3; at 100 the sign decides. The first model meets the constant ½ and a length-only model, by the
same rule, and must satisfy it against both.
"""

from collections import OrderedDict
from dataclasses import dataclass, field, replace
from enum import StrEnum
from math import log
from pathlib import Path

from django.db import transaction
from django.utils import timezone

from labeling.actions.telling import tell_project
from labeling.models import Project
from training import snapshot
from training.folders import located
from training.learning.rewards.ensemble import RewardEnsemble
from training.models import Prediction, RewardVersion
from training.snapshot import Verdict

FEWEST, MOST = 20, 100
REFUSED_AT = -3.0
AT_ONCE = 64  # judgments scored in one step of the loop
LEAST = 1e-6  # no model is so sure that one judgment decides

State = RewardVersion.State


class Takeover(StrEnum):
    """What the shadow's record says."""

    WAIT = "wait"
    TAKE_OVER = "take over"
    REFUSE = "refuse"


def takeover(judgments: int, log_ratio: float) -> Takeover:
    """The rule, as a function of how many judgments both models have predicted and of L."""
    if log_ratio <= REFUSED_AT:
        return Takeover.REFUSE
    if judgments >= MOST:
        return Takeover.TAKE_OVER if log_ratio >= 0 else Takeover.REFUSE
    return Takeover.TAKE_OVER if judgments >= FEWEST and log_ratio >= 0 else Takeover.WAIT


def log_likelihood(p: float, label: float) -> float:
    """Of one judgment with a soft label, in nats."""
    sure = min(max(p, LEAST), 1.0 - LEAST)
    return label * log(sure) + (1.0 - label) * log(1.0 - sure)


def named(version: RewardVersion) -> str:
    """How a reward model's predictions are named."""
    return f"reward:{version.number}"


@dataclass
class Rewards:
    """The reward models that this process has loaded: the active one and its shadow."""

    loaded: "OrderedDict[int, RewardEnsemble]" = field(default_factory=OrderedDict)

    def ensemble(self, version: RewardVersion) -> RewardEnsemble:
        """The loaded model of a version. Raises NoModel in words when its files are gone."""
        if version.pk not in self.loaded:
            while len(self.loaded) >= 2:
                self.loaded.popitem(last=False)
            self.loaded[version.pk] = RewardEnsemble.load(Path(located(version.directory)))
        self.loaded.move_to_end(version.pk)
        return self.loaded[version.pk]

    def probabilities(self, version: RewardVersion, verdicts: list[Verdict]) -> list[float]:
        """What a version says of some pairs that were judged one way or another: the probability that position 0 is
        preferred, by the criterion of the judgment where it has one."""
        rows = snapshot.rows_of([replace(verdict, weight=verdict.weight or 1.0) for verdict in verdicts])
        return [float(p) for p in self.ensemble(version).judged(rows)]


def judge_shadow(project: Project, rewards: Rewards) -> Takeover | None:
    """Let the shadow and its opponents predict the judgments that are new to them, and act on the record.

    Returns what followed, None when there is no shadow or nothing new.
    """
    shadow = project.rewards.filter(state=State.SHADOW).select_related("run__snapshot").first()
    if shadow is None or shadow.run is None or shadow.run.snapshot is None:
        return None
    verdicts = _unseen(project, shadow)
    if not verdicts:
        return None
    active = project.rewards.filter(state=State.ACTIVE).first()
    _predict(shadow, rewards, verdicts)
    if active is not None:
        _predict(active, rewards, verdicts)
    opponents = [named(active)] if active else ["constant", "length"]
    return _decide(shadow, opponents)


def _unseen(project: Project, shadow: RewardVersion) -> list[Verdict]:
    """Judgments above the shadow's training mark that the posterior's owner has met and the shadow has not."""
    since = shadow.run.snapshot.watermark if shadow.run and shadow.run.snapshot else 0
    found = snapshot.training_judgments(project, below=snapshot.mark_now(), since=since)
    ids = [verdict.id for verdict in found]
    done = set(Prediction.objects.filter(model=named(shadow), judgment__in=ids).values_list("judgment_id", flat=True))
    met = set(Prediction.objects.filter(model="length", judgment__in=ids).values_list("judgment_id", flat=True))
    fresh = [v for v in found if v.id in met and v.id not in done and v.amends is None and v.p is not None]
    return fresh[:AT_ONCE]


def _predict(version: RewardVersion, rewards: Rewards, verdicts: list[Verdict]) -> None:
    said = rewards.probabilities(version, verdicts)
    Prediction.objects.bulk_create(
        [
            Prediction(judgment_id=verdict.id, model=named(version), probability=p)
            for verdict, p in zip(verdicts, said, strict=True)
        ],
        ignore_conflicts=True,
    )


def log_ratios(shadow: RewardVersion, opponents: list[str]) -> tuple[int, dict[str, float]]:
    """How many judgments the shadow has predicted, and L against each opponent."""
    own = dict(Prediction.objects.filter(model=named(shadow)).values_list("judgment_id", "probability"))
    labels = snapshot.labels_of(list(own))
    ratios = {}
    for opponent in opponents:
        theirs = dict(
            Prediction.objects.filter(model=opponent, judgment__in=own).values_list("judgment_id", "probability")
        )
        ratios[opponent] = sum(
            log_likelihood(p, labels[pk]) - log_likelihood(theirs.get(pk, 0.5), labels[pk])
            for pk, p in own.items()
            if pk in labels
        )
    return len(own), ratios


@transaction.atomic
def _decide(shadow: RewardVersion, opponents: list[str]) -> Takeover:
    shadow = RewardVersion.objects.select_for_update().get(pk=shadow.pk)
    count, ratios = log_ratios(shadow, opponents)
    shadow.shadow_judgments, shadow.shadow_log_ratio = count, min(ratios.values())
    found = takeover(count, shadow.shadow_log_ratio)
    if found is Takeover.TAKE_OVER:
        RewardVersion.objects.filter(project=shadow.project, state=State.ACTIVE).update(state=State.RETIRED)
        shadow.state, shadow.decided_at = State.ACTIVE, timezone.now()
    elif found is Takeover.REFUSE:
        shadow.state, shadow.decided_at = State.REFUSED, timezone.now()
    shadow.save(update_fields=["shadow_judgments", "shadow_log_ratio", "state", "decided_at"])
    tell_project(shadow.project_id)
    return found
