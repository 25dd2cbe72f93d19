"""Reward models in shadow: the rule, and who predicts what."""

from collections.abc import Sequence
from math import log
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from labeling.models import Split
from tests.training.cast import a_comparison, a_judgment, a_project, a_prompt
from training import shadow, snapshot
from training.learning.rewards.ensemble import RewardEnsemble
from training.learning.rewards.fast.states import Pair
from training.learning.rewards.interface import Scored
from training.learning.rows import PreferenceRow
from training.models import Prediction, RewardVersion, Run, Snapshot
from training.shadow import Rewards, Takeover, takeover
from training.snapshot import Verdict


@pytest.mark.parametrize(
    ("judgments", "log_ratio", "expected"),
    [
        (19, 5.0, Takeover.WAIT),
        (20, 0.0, Takeover.TAKE_OVER),
        (20, -0.1, Takeover.WAIT),
        (5, -3.0, Takeover.REFUSE),
        (99, -2.9, Takeover.WAIT),
        (100, -0.1, Takeover.REFUSE),
        (100, 0.1, Takeover.TAKE_OVER),
    ],
)
def test_the_rule(judgments: int, log_ratio: float, expected: Takeover) -> None:
    assert takeover(judgments, log_ratio) is expected


def test_no_single_judgment_is_infinitely_surprising() -> None:
    assert shadow.log_likelihood(0.0, 1.0) == pytest.approx(log(1e-6))
    assert shadow.log_likelihood(0.5, 0.5) == pytest.approx(log(0.5))


class Knowing(Rewards):
    """A reward model that says the same of every pair."""

    def __init__(self, said: float) -> None:
        super().__init__()
        self.said = said
        self.asked: list[int] = []

    def probabilities(self, version: RewardVersion, verdicts: list[Verdict]) -> list[float]:
        self.asked += [verdict.id for verdict in verdicts]
        return [self.said] * len(verdicts)


@pytest.fixture(autouse=True)
def everything_has_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snapshot, "mark_now", lambda: 2**62)


def in_shadow(**more: object) -> RewardVersion:
    project = a_project()
    frozen = Snapshot.objects.create(project=project, digest="d", path="p", rows=0, judgment_ids=[], watermark=0)
    run = Run.objects.create(project=project, kind="reward", state="done", snapshot=frozen)
    return RewardVersion.objects.create(
        **{"project": project, "number": 2, "run": run, "directory": "x", "digest": "d", "state": "shadow", **more}
    )


def judged(version: RewardVersion, count: int, length: float = 0.5, split: str = Split.TRAIN) -> None:
    """Judgments that all prefer position 0, already met by the length-only model."""
    prompt = a_prompt(version.project, split=split)
    for _ in range(count):
        judgment = a_judgment(a_comparison(prompt), 1)
        Prediction.objects.create(judgment=judgment, model="length", probability=length)


@pytest.mark.django_db
def test_the_first_model_takes_over_when_it_beats_the_coin_and_the_length() -> None:
    version = in_shadow()
    judged(version, 19)
    assert shadow.judge_shadow(version.project, Knowing(0.8)) is Takeover.WAIT
    judged(version, 1)
    assert shadow.judge_shadow(version.project, Knowing(0.8)) is Takeover.TAKE_OVER
    version.refresh_from_db()
    assert (version.state, version.shadow_judgments) == ("active", 20)
    assert version.shadow_log_ratio == pytest.approx(20 * log(0.8 / 0.5))


@pytest.mark.django_db
def test_a_model_worse_than_length_alone_is_refused() -> None:
    version = in_shadow()
    judged(version, 10, length=0.9)
    assert shadow.judge_shadow(version.project, Knowing(0.6)) is Takeover.REFUSE
    version.refresh_from_db()
    assert version.state == "refused"


@pytest.mark.django_db
def test_a_later_model_meets_the_active_one_and_retires_it() -> None:
    version = in_shadow()
    active = RewardVersion.objects.create(project=version.project, number=1, directory="y", digest="e", state="active")
    judged(version, 20, length=0.99)
    both = Knowing(0.7)
    assert shadow.judge_shadow(version.project, both) is Takeover.TAKE_OVER
    active.refresh_from_db()
    assert active.state == "retired"
    assert len(both.asked) == 40


@pytest.mark.django_db
def test_only_new_judgments_on_training_prompts_are_asked_about_and_each_once() -> None:
    version = in_shadow()
    judged(version, 3, split=Split.HELD_OUT)
    assert shadow.judge_shadow(version.project, Knowing(0.7)) is None
    judged(version, 2)
    model = Knowing(0.7)
    shadow.judge_shadow(version.project, model)
    assert len(model.asked) == 2
    assert shadow.judge_shadow(version.project, model) is None


@pytest.mark.django_db
def test_without_a_shadow_there_is_nothing_to_do() -> None:
    assert shadow.judge_shadow(a_project(), Knowing(0.5)) is None


class ByCriterion(Scored):
    """Prefers what stands first where detail is asked for, what stands second where brevity is."""

    def score(self, pairs: Sequence[Pair]) -> NDArray[np.float64]:
        return np.zeros(len(pairs))

    def judged(self, rows: Sequence[PreferenceRow]) -> NDArray[np.float64]:
        return np.array([{"detail": 0.9, "brevity": 0.1}.get(row.criterion, 0.5) for row in rows])

    def save(self, directory: Path, card: str) -> None:
        raise NotImplementedError


@pytest.mark.django_db
def test_a_judgment_by_a_criterion_is_predicted_by_that_criterion_whatever_it_weighs() -> None:
    version = in_shadow()
    rewards, prompt = Rewards(), a_prompt(version.project)
    rewards.loaded[version.pk] = RewardEnsemble((ByCriterion(),))
    for criterion in ("detail", "", "brevity"):
        a_judgment(a_comparison(prompt, criterion=criterion), 1, weight=0.0 if criterion else 1.0)
    verdicts = snapshot.training_judgments(version.project)
    assert rewards.probabilities(version, verdicts) == pytest.approx([0.9, 0.5, 0.1])
