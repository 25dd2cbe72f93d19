"""A reward from declared features alone: a small network on numbers that somebody named, by Bradley-Terry.

"Leveraging Domain Knowledge for Efficient Reward Modelling in RLHF: A Case-Study in E-Commerce Opinion Summarization"
(Nath et al. 2024, arXiv:2402.15473): φ(x, y) is a multi-layer perceptron over features that a domain's experts defined,
fitted on about a thousand pairs. There language models score the features; here they are rules, each a number of
``STYLE``, so that anything new is scored without asking anybody. What each feature does to the reward is told with the
model.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch.nn import functional as F

from ..fast.states import Pair
from ..fast.style import STYLE, style

Array = NDArray[np.float64]

# Lengths, marks, form, tone and echo: what a reader can check with a glance at a response.
DECLARED = (
    "log words",
    "words a sentence",
    "variety",
    "long words",
    "list item: count",
    "number: count",
    "question mark: any",
    "exclamation mark: any",
    "hedge: rate",
    "certainty: any",
    "example: any",
    "reason: any",
    "advice: any",
    "warmth: any",
    "courtesy: any",
    "thanks: any",
    "contraction: any",
    "echoed share of the prompt",
)


def check_names(names: Sequence[str]) -> None:
    """Raises ValueError naming the features that there are not."""
    if unknown := sorted(set(names) - set(STYLE)):
        raise ValueError(f"there is no feature {', '.join(map(repr, unknown))}; there are {', '.join(STYLE)}")


def declared(pairs: Sequence[Pair], names: Sequence[str]) -> Array:
    """[n, len(names)] features of (prompt, response) pairs, as they are."""
    check_names(names)
    columns = [STYLE.index(name) for name in names]
    return style([(_text(prompt), _text(response)) for prompt, response in pairs])[:, columns]


def _text(messages: Sequence[dict[str, str]] | Sequence[object]) -> str:
    said = [message for message in messages if isinstance(message, dict)]
    users = [message["content"] for message in said if message["role"] == "user"]
    return users[-1] if users else "\n\n".join(message["content"] for message in said)


@dataclass(frozen=True)
class Scale:
    """Features to numbers of like size: ``centre`` [k] and ``spread`` [k] of the training responses."""

    centre: Array
    spread: Array

    @classmethod
    def fit(cls, features: ArrayLike) -> "Scale":
        """Measured on [n, k] features; one that never changes has spread 1."""
        x = np.asarray(features, dtype=np.float64)
        spread = x.std(0)
        return cls(x.mean(0), np.where(spread > 1e-9, spread, 1.0))

    def __call__(self, features: ArrayLike) -> Array:
        """[n, k] features in standard deviations, clipped at eight."""
        return np.asarray(np.clip((np.asarray(features) - self.centre) / self.spread, -8.0, 8.0))


class FeatureNetwork(torch.nn.Module):
    """[n, k] scaled features to rewards [n]: a linear part and a hidden layer of ``units`` beside it."""

    def __init__(self, count: int, units: int, seed: int) -> None:
        super().__init__()
        self.linear = torch.nn.Linear(count, 1, bias=False)
        self.hidden = torch.nn.Linear(count, units)
        self.out = torch.nn.Linear(units, 1, bias=False)
        generator = torch.Generator().manual_seed(seed)
        with torch.no_grad():
            self.linear.weight.zero_()
            self.out.weight.zero_()
            self.hidden.bias.zero_()
            self.hidden.weight.copy_(torch.randn(units, count, generator=generator) / max(count, 1) ** 0.5)

    def forward(self, x_NK: torch.Tensor) -> torch.Tensor:
        """Rewards [n]."""
        return torch.as_tensor((self.linear(x_NK) + self.out(torch.tanh(self.hidden(x_NK))))[:, 0])

    def effects(self, x_NK: torch.Tensor) -> Array:
        """Of each feature, the mean over n responses of ∂r/∂feature, per standard deviation: [k]."""
        inputs = x_NK.clone().requires_grad_()
        (slopes_NK,) = torch.autograd.grad(self(inputs).sum(), inputs)
        return np.asarray(slopes_NK.mean(0).double().numpy())


def bradley_terry(difference_N: torch.Tensor, p_N: torch.Tensor) -> torch.Tensor:
    """-p·log σ(d) - (1-p)·log σ(-d), [n]."""
    return -(p_N * F.logsigmoid(difference_N) + (1.0 - p_N) * F.logsigmoid(-difference_N))
