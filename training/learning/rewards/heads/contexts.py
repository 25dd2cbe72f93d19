"""Context-aware preference: the criterion stands in the prompt, and another criterion may turn the verdict round.

Pitis et al., "Improving Context-Aware Preference Modeling for Language Models" (2024, arXiv:2407.14916).
"""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...optimise import Part
from ...recipes import RewardRecipe
from ...rows import Message, PreferenceRow
from ..fast.likelihood import sigmoid
from ..fast.states import Pair
from ..interface import by_round_robin
from ..lesson import Lesson
from .headed import Array, HeadedReward
from .items import Item, Micro, steps_of
from .scalar import scalar_loss, start_from_items


def with_criterion(prompt: Sequence[Message], criterion: str) -> list[Message]:
    """The prompt with the criterion at its end, in the turn that is answered; without one, the prompt itself."""
    if not criterion:
        return list(prompt)
    *before, last = prompt or [Message(role="user", content="")]
    asked = f"{last['content']}\n\nCriterion: {criterion}".lstrip()
    return [*before, Message(role=last["role"], content=asked)]


def marginal(difference_zn: Array, prior_z: Array) -> Array:
    """P(y₁ ≻ y₂ | x) = Σ_z p(z)·σ(r_z(y₁) - r_z(y₂)), [n]: two-step inference. Pitis et al. 2024, equation 1.

    Not σ of the mean difference: where criteria disagree, the marginal is undecided and the mean may not be.
    """
    return np.asarray(np.asarray(prior_z) @ sigmoid(difference_zn))


class ContextReward(HeadedReward):
    """A scalar reward of (criterion, prompt, response).

    ``about`` holds the criteria seen in training and how often each was, which is p(z): no prompt is asked which
    criteria fit it. Asked without a criterion, it weighs all of them; its scalar is then their mean reward.
    """

    def score_by(self, criterion: str, pairs: Sequence[Pair]) -> Array:
        """Rewards [n] by one criterion, which may be one never seen in training."""
        return super().score([(with_criterion(prompt, criterion), response) for prompt, response in pairs])

    @property
    def width(self) -> int:
        """A reward for each criterion."""
        return len(self.about["criteria"])

    def summarise(self, pairs: Sequence[Pair]) -> Array:
        """Rewards [n, z] by each criterion."""
        return np.stack([self.score_by(criterion, pairs) for criterion in self.about["criteria"]], axis=1)

    def compare(self, first: Array, second: Array) -> Array:
        """The marginal [n] over the criteria."""
        return marginal((first - second).T, np.array(self.about["prior"]))

    def stand(self, seen: Array, prompt: NDArray[np.int64]) -> Array:
        """By round robin [n] of the marginals, which the mean reward does not know."""
        return by_round_robin(self.compare, seen, prompt)

    def score(self, pairs: Sequence[Pair]) -> Array:
        """Mean rewards [n] over the criteria."""
        return np.asarray(self.summarise(pairs) @ np.array(self.about["prior"]))

    def judged(self, rows: Sequence[PreferenceRow]) -> Array:
        """By each row's own criterion, [n]; the marginal where it names none."""
        found = np.zeros(len(rows))
        for criterion in {row.criterion for row in rows}:
            places = [place for place, row in enumerate(rows) if row.criterion == criterion]
            first, second = ([(rows[at].prompt, rows[at].responses[side]) for at in places] for side in (0, 1))
            if criterion:
                rewards = self.score_by(criterion, [*first, *second])
                found[places] = sigmoid(rewards[: len(places)] - rewards[len(places) :])
            else:
                found[places] = self.probability(first, second)
        return found


def context_items(rows: Sequence[PreferenceRow]) -> list[Item[PreferenceRow]]:
    """Rows that name a criterion, with it in their prompts. The same responses under two criteria are two items."""
    return [Item(with_criterion(row.prompt, row.criterion), tuple(row.responses), row) for row in rows if row.criterion]


def reversals(rows: Sequence[PreferenceRow]) -> int:
    """How many pairs of responses were preferred one way under one criterion and the other way under another."""
    told: dict[tuple[str, str], set[bool]] = {}
    for row in rows:
        if row.criterion and row.p != 0.5:
            texts = [str(list(response)) for response in row.responses]
            key = (str(row.prompt), "\x00".join(sorted(texts)))
            told.setdefault(key, set()).add((texts[0] <= texts[1]) == (row.p > 0.5))
    return sum(len(sides) == 2 for sides in told.values())


def unfit(recipe: RewardRecipe, rows: Sequence[PreferenceRow]) -> str:
    """Why these rows do not suffice, in words."""
    criteria = {row.criterion for row in rows if row.criterion}
    if len(criteria) < 2:
        return f"all judgments name one criterion ({', '.join(criteria)}); it learns what differs between at least two"
    return ""


def train_contexts(lesson: Lesson) -> ContextReward:
    """One member on all rows that name a criterion."""
    recipe, items = lesson.recipe, context_items(lesson.train)
    counted = Counter(item.label.criterion for item in items)
    about: dict[str, Any] = {
        "method": "context_aware",
        "max_length": recipe.max_length,
        "criteria": sorted(counted),
        "prior": [counted[name] / len(items) for name in sorted(counted)],
        "reversals": reversals(lesson.train),
    }
    model = ContextReward.from_policy(lesson.policy, 1, about)
    start_from_items(model, items)

    def loss(trained: ContextReward, micro: Micro[PreferenceRow]) -> Part:
        return scalar_loss(trained, micro, recipe)

    lesson.fit(model, steps_of(model, items, lesson.settings), loss, lesson.judging(model))
    return model
