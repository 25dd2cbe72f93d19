"""Process reward: every line of a solution gets its own mark, and the solution is as good as its lines together.

Sun et al., "Easy-to-Hard Generalization: Scalable Alignment Beyond Human Supervision" (2024, arXiv:2403.09472), after
Lightman et al., "Let's Verify Step by Step" (2023, arXiv:2305.20050). Here are the marks, their loss and best-of-n;
the policy step on them comes with learning from the policy's own samples.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch.nn import functional as F

from ...batches import Batch, collate, fill
from ...optimise import Part
from ...rows import PreferenceRow
from ...text import Group
from ..fast.states import Pair
from ..lesson import Lesson
from ..reading import TOKEN_BUDGET, layout
from .headed import Array, HeadedReward, logistic_weights
from .items import Item, Micro, mean_loss, steps_of, token_places


@dataclass(frozen=True)
class Marked:
    """Marks (0 to 1) of each response's lines, a row's label and weight; no marks where nobody gave them."""

    marks: tuple[tuple[float, ...], ...]
    p: float
    weight: float


def solution_score(log_steps: Sequence[float] | Array, rule: str) -> float:
    """log of the solution's score: of the worst step's probability to be right (min), or of all steps' product.

    Lightman et al. 2023, appendix F. No step at all is the empty product: 0.
    """
    steps = np.asarray(log_steps, dtype=np.float64)
    if not len(steps):
        return 0.0
    return float(steps.min() if rule == "min" else steps.sum())


class StepReward(HeadedReward):
    """Output 0, read at a line's last token, is the logit that the line is right; output 1, read at the end, the
    whole's reward, where the recipe asks for it.

    The reward is (1-w)·log(solution score) + w·log σ(output 1), a geometric mean, so that σ of a difference of two
    rewards is s₁/(s₁ + s₂): Bradley-Terry with the solutions' scores as strengths.
    """

    def ends(self, response: Sequence[int]) -> list[int]:
        """Where each line that is not blank ends: the token with its line break, or the response's last one.

        Lines are read whole: a character of several tokens, such as a wide space, is none by itself.
        """
        text = self.tokenizer.decode(list(response), skip_special_tokens=True)
        said = [bool(line.strip()) for line in text.split("\n")]
        breaks = [
            column
            for column, token in enumerate(response)
            for letter in self.tokenizer.decode([token], skip_special_tokens=True)
            if letter == "\n"
        ]
        return [column for column, told in zip([*breaks, len(response) - 1], said, strict=True) if told]

    def line_states(self, states: torch.Tensor, batch: Batch, groups: Sequence[Group]) -> list[torch.Tensor]:
        """The states at the lines' ends of each of a batch's sequences: S tensors [lines, hidden]."""
        responses = [groups[group].responses[place] for group, place in batch.sequences]
        return [
            states[places[self.ends(response)]] for places, response in zip(token_places(batch), responses, strict=True)
        ]

    def line_logits(self, states: torch.Tensor, batch: Batch, groups: Sequence[Group]) -> list[torch.Tensor]:
        """S tensors [lines]: the logit of each line to be right."""
        found = self.line_states(states, batch, groups)
        logits = self.head(torch.cat(found)).float()[:, 0]
        return list(torch.split(logits, [len(lines) for lines in found]))

    @torch.no_grad()
    def steps(self, pairs: Sequence[Pair]) -> list[Array]:
        """Of each response, the probability that each of its lines is right."""
        return [np.exp(log_right) for log_right, _ in self._read(pairs)]

    @torch.no_grad()
    def score(self, pairs: Sequence[Pair]) -> Array:
        """log scores [n] of the solutions."""
        weight, rule = float(self.about["outcome_weight"]), str(self.about["solution"])
        return np.array([(1 - weight) * solution_score(steps, rule) + weight * end for steps, end in self._read(pairs)])

    def _read(self, pairs: Sequence[Pair]) -> list[tuple[Array, float]]:
        """log σ of each line's logit, and of the whole's (0 where there is none), pair by pair."""
        found: list[tuple[Array, float]] = [(np.zeros(0), 0.0)] * len(pairs)
        groups = [self.group(prompt, [response]) for prompt, response in pairs]
        shape = layout(self.classifier)
        for chosen in fill(groups, shape, TOKEN_BUDGET):
            taken = [groups[index] for index in chosen]
            batch = collate(taken, shape).to(self.device)
            states = self.states(batch)
            lines = self.line_logits(states, batch, taken)
            whole = F.logsigmoid(self.head(states[batch.end_S]).float())[:, -1].tolist()
            for index, logits, end in zip(chosen, lines, whole, strict=True):
                found[index] = (F.logsigmoid(logits).double().cpu().numpy(), end if self.head.out_features > 1 else 0.0)
        return found


def marked_items(rows: Sequence[PreferenceRow], outcome: bool) -> list[Item[Marked]]:
    """Rows whose lines were marked; with an outcome also those that only prefer a side."""
    items = []
    for row in rows:
        if any(row.steps or ()) or (outcome and row.p != 0.5):
            sides = 1 if row.kind == "assessment" else 2
            told = list(zip(row.responses, row.steps or ([], []), strict=True))[:sides]
            label = Marked(tuple(tuple(marks) for _, marks in told), row.p, row.weight)
            items.append(Item(row.prompt, tuple(one for one, _ in told), label))
    return items


def step_part(model: StepReward, micro: Micro[Marked], outcome: bool) -> Part:
    """Cross-entropy of each marked line, soft marks included, and Bradley-Terry on the outcome; sums over items.

    An item's lines count as their mean, so that a long solution is no more than a short one.
    """
    states = model.states(micro.batch)
    logits = model.line_logits(states, micro.batch, micro.groups)
    total = torch.cat(logits).sum() * 0.0  # a gradient, of zero, also where no line is marked
    right = lines = 0.0
    for first, label in zip(micro.starts, micro.labels, strict=True):
        told, marks = _aligned(logits[first : first + len(label.marks)], label)
        if len(marks):
            total = total + label.weight * F.binary_cross_entropy_with_logits(told, marks)
            right += float(((told > 0) == (marks > 0.5)).sum())
            lines += len(marks)
    if outcome:
        total = total + _outcome(model, states, micro)
    count = sum(label.weight for label in micro.labels)
    metrics = {"steps/accuracy": right / lines * count} if lines else {}
    return Part(total, count, metrics)


def _aligned(logits: Sequence[torch.Tensor], label: Marked) -> tuple[torch.Tensor, torch.Tensor]:
    """Logits and marks of one item's lines; a line beyond ``max_length``, or beyond the marks, has no partner."""
    both = [(told[: len(marks)], marks[: len(told)]) for told, marks in zip(logits, label.marks, strict=True)]
    marks = torch.tensor([mark for _, side in both for mark in side], device=logits[0].device)
    return torch.cat([told for told, _ in both]), marks


def _outcome(model: StepReward, states: torch.Tensor, micro: Micro[Marked]) -> torch.Tensor:
    whole = model.head(states[micro.batch.end_S]).float()[:, 1]
    pairs = [(first, label) for first, label in zip(micro.starts, micro.labels, strict=True) if len(label.marks) == 2]
    places = torch.tensor([first for first, _ in pairs], dtype=torch.long, device=states.device)
    difference = whole[places] - whole[places + 1]
    p = torch.tensor([label.p for _, label in pairs], device=states.device)
    weight = torch.tensor([label.weight * (label.p != 0.5) for _, label in pairs], device=states.device)
    return -(weight * (p * F.logsigmoid(difference) + (1.0 - p) * F.logsigmoid(-difference))).sum()


def train_stepwise(lesson: Lesson) -> StepReward:
    """One member; with ``outcome_weight`` above 0 it learns the outcome from the same rows' preferences."""
    recipe, outcome = lesson.recipe, lesson.recipe.outcome_weight > 0.0
    about = {
        "method": "stepwise",
        "max_length": recipe.max_length,
        "solution": recipe.solution,
        "outcome_weight": recipe.outcome_weight,
    }
    model = StepReward.from_policy(lesson.policy, 1 + outcome, about)
    items, kept = marked_items(lesson.train, outcome), marked_items(lesson.kept, outcome)
    start_from_marks(model, items)

    def loss(trained: StepReward, micro: Micro[Marked]) -> Part:
        return step_part(trained, micro, outcome)

    def measure() -> dict[str, float]:
        return {"quality": -mean_loss(model, kept, loss)}

    watched = lesson if kept else replace(lesson, kept=[])  # nothing to choose a checkpoint by
    watched.fit(model, steps_of(model, items, lesson.settings), loss, measure)
    return model


@torch.no_grad()
def start_from_marks(model: StepReward, items: Sequence[Item[Marked]]) -> None:
    """Set the line head to the logistic solution on the frozen states of the marked lines."""
    states: list[Array] = []
    marks: list[float] = []
    weights: list[float] = []
    shape = layout(model.classifier)
    for item in items:
        group = model.group(item.prompt, item.responses)
        batch = collate([group], shape).to(model.device)
        lines = model.line_states(model.states(batch), batch, [group])
        for found, given in zip(lines, item.label.marks, strict=True):
            states.append(found[: len(given)].double().cpu().numpy())
            marks += given[: len(found)]
            weights += [item.label.weight] * min(len(given), len(found))
    if marks:
        model.head.weight[0].copy_(torch.tensor(logistic_weights(np.concatenate(states), marks, weights)))
