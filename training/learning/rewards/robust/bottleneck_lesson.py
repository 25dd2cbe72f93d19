"""RLP-UML's first stage: the backbone learns what two fresh samples of a prompt share, before it sees a label."""

from dataclasses import dataclass, replace

import torch

from ...batches import UNCUT, Batch, collate, training_steps
from ...objectives.steps import LazySteps
from ...online.rollouts import seed_of
from ...optimise import Part
from ..lesson import Lesson
from ..pairwise import PairwiseReward
from ..reading import last_states, layout
from .bottleneck import Encoder, bottleneck_loss
from .samples import Fresh

KEPT_BACK = 0.2  # of the prompts, to stop by


@dataclass(frozen=True)
class Views:
    """Two samples of each of N prompts as one batch, and the seed of their noise."""

    batch: Batch
    seed: int


class Both(torch.nn.Module):
    """The reward model and the encoder on its last states, trained together."""

    def __init__(self, model: PairwiseReward, size: int = 64) -> None:
        super().__init__()
        self.model = model
        self.encoder = Encoder(int(model.classifier.config.hidden_size), size)

    def forward(self, views: Views, beta: float) -> torch.Tensor:
        """Losses [N]."""
        states_SD = last_states(self.model.classifier, views.batch).float()
        first, second = (self.encoder(states_SD[place::2]) for place in (0, 1))
        generator = torch.Generator().manual_seed(views.seed)
        noise = [torch.randn(first.mean.shape, generator=generator).to(first.mean.device) for _ in range(2)]
        return bottleneck_loss(first, second, (noise[0], noise[1]), beta=beta)


def learn_bottleneck(lesson: Lesson, model: PairwiseReward, fresh: list[Fresh]) -> None:
    """Train the backbone for ``bottleneck_epochs`` over the fresh samples, to where prompts left out fit best."""
    torch.manual_seed(lesson.settings.seed)
    both, beta = Both(model).to(model.log_tie.device), lesson.recipe.bottleneck_beta
    kept = max(1, round(KEPT_BACK * len(fresh)))
    steps = _steps(lesson, model, fresh[kept:], lesson.recipe.bottleneck_epochs)
    watched = _steps(lesson, model, fresh[:kept], 1.0)

    def loss(trained: Both, views: Views) -> Part:
        losses = trained(views, beta)
        return Part(losses.sum(), float(len(losses)), {"bottleneck": float(losses.detach().sum())})

    @torch.no_grad()
    def measure() -> dict[str, float]:
        told = torch.cat([both(views, beta) for step in watched for views in step])
        return {"quality": -float(told.mean())}

    lesson.fit(both, steps, loss, measure, phase="bottleneck")


def _steps(lesson: Lesson, model: PairwiseReward, fresh: list[Fresh], epochs: float) -> LazySteps[Views]:
    groups = [model.group(one.prompt, one.responses[place : place + 2]) for one in fresh for place in _pairs(one)]
    shape, settings = layout(model.classifier), lesson.settings
    # Uncut: InfoNCE holds a prompt's sample against those of every other prompt of its step.
    plan = training_steps(groups, shape, replace(settings, num_train_epochs=epochs), token_budget=UNCUT)

    def build(chosen: tuple[int, ...]) -> Views:
        batch = collate([groups[index] for index in chosen], shape).to(model.log_tie.device)
        return Views(batch, seed_of(settings.seed, "noise", list(chosen)) % 2**31)

    return LazySteps(plan, build)


def _pairs(one: Fresh) -> range:
    """Where the prompt's samples are taken two by two."""
    return range(0, len(one.responses) - 1, 2)
