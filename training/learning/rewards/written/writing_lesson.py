"""Training a reward model that writes: texts are given (teacher-forced), score and text are learned together."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from ...batches import Batch, collate, fill, training_steps
from ...objectives.steps import LazySteps
from ...optimise import Part
from ...rows import PreferenceRow
from ...text import Group
from ..bradley_terry import Labels, labels_of
from ..fast.posterior import FastPosterior
from ..fast.states import Pair
from ..lesson import Lesson
from .writing import TOKEN_BUDGET, Writing, WritingReward, _read, mean_nll, plain, writing_loss

Written = tuple[Writing, Writing]
Asked = Sequence[tuple[bool, bool]]  # which sides' texts a judge wrote
SHOWN = 12  # texts that a run's result repeats; all of them lie beside the model


@dataclass(frozen=True)
class Micro:
    """P pairs: sequences 2i and 2i + 1 are the sides of pair i; which of them have a text [P, 2]; their labels."""

    batch: Batch
    written_P2: torch.Tensor
    labels: Labels


def sides_of(row: PreferenceRow) -> tuple[Pair, Pair]:
    """Both responses, each with its prompt."""
    return (row.prompt, row.responses[0]), (row.prompt, row.responses[1])


def train_writing(lesson: Lesson, model: WritingReward, written: Sequence[Written], own: Asked) -> WritingReward:
    """Train on the rows with a text for each side (none: that side teaches the score alone). ``own`` says which texts
    a judge wrote. The judgments kept back choose nothing: they only measure, by texts of the model's own."""
    rows, recipe = lesson.train, lesson.recipe
    pairs = [sides_of(row) for row in rows]
    groups = [
        (model.group(pair[0], texts[0]), model.group(pair[1], texts[1]))
        for pair, texts in zip(pairs, written, strict=True)
    ]
    _begin(model, groups, rows)
    _remember(lesson, model, pairs, written, own)
    steps = _plan(lesson, model, groups)
    shape = plain(model.policy)

    def build(chosen: tuple[int, ...]) -> Micro:
        batch = collate([group for index in chosen for group in groups[index]], shape).to(model.policy.device)
        device = model.policy.device
        has = torch.tensor([[bool(text) for text in written[index]] for index in chosen], device=device)
        return Micro(batch, has, labels_of([rows[index] for index in chosen], 0.0, device))

    def loss(trained: WritingReward, micro: Micro) -> Part:
        return part(trained, micro, recipe.writing_weight)

    # The plan is followed to its end: scores after a text half learned are worse than those after none, so that looks
    # on the way would stop before it is learned (seen on the starter).
    replace(lesson, kept=[]).fit(model, LazySteps(steps, build), loss, lesson.judging(model))
    return model


def part(model: WritingReward, micro: Micro, weight: float) -> Part:
    """The summed loss of a micro-batch, with its metrics."""
    rewards_S, logprob_N = model(micro.batch)
    rewards_P2, nll_P2 = rewards_S.view(-1, 2), mean_nll(logprob_N, micro.batch).view(-1, 2)
    losses_P = writing_loss(rewards_P2, nll_P2, micro.written_P2, micro.labels, weight)
    difference_P = (rewards_P2[:, 0] - rewards_P2[:, 1]).detach()
    weights_P = micro.labels.weight
    right_P = ((difference_P > 0) == (micro.labels.p > 0.5)).float() * weights_P
    told = {
        "rewards/accuracy": float(right_P.sum()),
        "rewards/margin": float((difference_P * weights_P).sum()),
        "writing/nll": float((nll_P2.detach() * micro.written_P2).sum() / 2),
    }
    return Part(losses_P.sum(), float(weights_P.sum()), told)


def _plan(lesson: Lesson, model: WritingReward, groups: Sequence[tuple[Group, Group]]) -> list[list[tuple[int, ...]]]:
    """All optimiser steps, cut by the budget of tokens: a pure function of the rows and the recipe."""
    settings = lesson.settings
    lengths = [tuple(one.prompt[1:] + one.responses[0] for one in pair) for pair in groups]
    return training_steps(
        [Group((0,), both) for both in lengths],
        plain(model.policy),
        settings,
    )


@torch.no_grad()
def _begin(model: WritingReward, groups: Sequence[tuple[Group, Group]], rows: Sequence[PreferenceRow]) -> None:
    """Set the scalar head to the Bayesian logistic solution on the states it reads, before any fine-tuning."""
    states = _last_states(model, [group for pair in groups for group in pair])
    difference = states[0::2] - states[1::2]
    typical = float(np.sqrt((difference**2).sum(1).mean())) or 1.0
    labels, weights = [row.p for row in rows], [row.weight for row in rows]
    fitted = FastPosterior.fit(difference / typical, labels, weights, dimension=difference.shape[1])
    model.head.weight.copy_(torch.tensor(fitted.mean / typical)[None])


def _last_states(model: WritingReward, groups: Sequence[Group]) -> "np.ndarray[Any, np.dtype[np.float64]]":
    shape = plain(model.policy)
    found = np.zeros((len(groups), model.head.in_features))
    for chosen in fill(groups, shape, TOKEN_BUDGET):
        batch = collate([groups[index] for index in chosen], shape).to(model.policy.device)
        states_ND, _ = _read(model.lm, batch)
        last_S = torch.bincount(batch.sequence_N, minlength=len(batch.sequences)).cumsum(0) - 1
        found[list(chosen)] = states_ND[last_S].double().cpu().numpy()
    return found


def _remember(
    lesson: Lesson, model: WritingReward, pairs: Sequence[tuple[Pair, Pair]], written: Sequence[Written], own: Asked
) -> None:
    """Keep the texts that a judge wrote, with what they are about: as data, to be shown and never to be followed.
    People's own words stay where they can be erased."""
    model.examples = [
        {"prompt": list(both[k][0]), "response": list(both[k][1]), "writing": list(texts[k])}
        for both, texts, asked in zip(pairs, written, own, strict=True)
        for k in (0, 1)
        if texts[k] and asked[k]
    ]
    lesson.findings["writings"] = model.examples[:SHOWN]
    lesson.findings["written"] = sum(bool(text) for texts in written for text in texts)
