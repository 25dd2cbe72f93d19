"""What one member of a reward model is trained with, and how: plan, watch, checkpoints, stop."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from ..devices import Compute, precisely
from ..evaluation.reward import evaluate
from ..job import Report, ShouldStop, Stopped
from ..judges import ChatClient
from ..models import Policy
from ..optimise import Part, optimise
from ..recipes import OptimSettings, RewardRecipe
from ..rows import PreferenceRow
from ..watch import Watch
from .adapters import adapted
from .frozen import FrozenStates, Shared
from .interface import RewardModel

LOOKS = 6  # measurements in a training
Measure = Callable[[], dict[str, float]]  # at least "quality": more is better


@dataclass
class Progress:
    """Steps over all members and phases of a job: what is behind, and what that makes of the whole."""

    report: Report
    members_left: int
    taken: int = 0
    total: int = 0

    def of(self, planned: int) -> Report:
        """How one training of ``planned`` steps reports."""
        before, total = self.taken, self.taken + planned * self.members_left
        self.total = total

        def told(step: int, _: int, metrics: dict[str, float]) -> None:
            self.report(before + step, total, metrics)

        return told

    def note(self, metrics: dict[str, float]) -> None:
        """Report what is no step, such as what a judge answered before a training."""
        self.report(self.taken, self.total, metrics)


@dataclass(frozen=True)
class Lesson:
    """One member's training. ``policy`` is freshly loaded, for this member alone; ``kept`` are the rows kept back.

    A method builds its model from these and calls ``fit``, once for each phase that it has. What else it learns on its
    way goes into ``findings``: plain JSON, of which the first member's becomes part of the run's result. ``client``
    asks the configured judge, where there is one. ``number`` is the member's place in the ensemble; None: the
    evaluation member, which stands beside it.
    """

    policy: Policy
    train: list[PreferenceRow]
    kept: list[PreferenceRow]
    recipe: RewardRecipe
    settings: OptimSettings
    place: Path
    progress: Progress
    should_stop: ShouldStop = field(default=lambda: False)
    findings: dict[str, Any] = field(default_factory=dict)
    shared: Shared | None = None
    client: ChatClient | None = None
    number: int | None = 0

    @property
    def compute(self) -> Compute | None:
        """How the run computes, where that was resolved."""
        return self.shared.compute if self.shared else None

    @property
    def frozen(self) -> FrozenStates:
        """The states of the policy's backbone as it was loaded, from the cache of all runs where there is one."""
        return (self.shared or Shared(self.place / "cache")).states_of(self.policy, self.recipe.max_length)

    def asked(self) -> ChatClient:
        """The judge, for a method that cannot do without. Raises ValueError where none is configured."""
        if self.client is None:
            raise ValueError(
                f"{self.recipe.method} asks a language model, and none is set: give HEED_JUDGE_URL and HEED_JUDGE_MODEL"
            )
        return self.client

    def fit(
        self,
        module: torch.nn.Module,
        steps: Sequence[Sequence[Any]],
        loss: Callable[[Any, Any], Part],
        measure: Measure,
        phase: str = "",
    ) -> None:
        """Train ``module`` in place to the checkpoint that ``measure`` finds best, when rows were kept back; through
        low-rank adapters where the recipe says so.

        Raises Stopped when it was asked to stop: the same call, on a module made the same way, goes on from there.
        """
        place = self.place / phase if phase else self.place
        with adapted(module, self.recipe.lora, self.settings.seed):
            watch = self._watch(module, measure, place, max(1, len(steps) // LOOKS))
            done = optimise(
                module,
                steps,
                precisely(loss, self.compute),
                self.settings,
                directory=place,
                report=self.progress.of(len(steps)),
                should_stop=self.should_stop,
                enough=watch or (lambda step, metrics: False),
            )
            if not done.finished:
                raise Stopped
            self.progress.taken += len(steps)
            if watch:
                watch.restore()

    def _watch(self, module: torch.nn.Module, measure: Measure, place: Path, every: int) -> Watch | None:
        return Watch(module, lambda step: measure(), place / "watch", every) if self.kept else None

    def judging(self, model: RewardModel) -> Measure:
        """Measures a model by its log loss on the judgments kept back."""

        def measure() -> dict[str, float]:
            told = evaluate(model.judged(self.kept), [row.p for row in self.kept])
            return {"quality": -told.log_loss, "log_loss": told.log_loss, "accuracy": told.accuracy.value}

        return measure
