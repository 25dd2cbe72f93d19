"""Preference Proxy Evaluations (Frick et al., "How to Evaluate Reward Models for RLHF", arXiv:2410.14872).

Two halves: pairs that people voted on, with the names of the models that answered, and prompts whose answers can be
verified, each with many sampled responses. METHODS.md recalls the paper's list of metrics; what each computes here is
written beside it.
"""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .intervals import Estimate
from .judgments import Array, hits
from .rankings import kendall, spearman, strengths, weighted_correlation, wins
from .resampling import bootstrapped, draws, jackknifed
from .shares import share

ROUNDS = 100  # draws behind each model's own interval
QUANTILE = 0.1  # over domains: how it does where it does badly


@dataclass(frozen=True)
class Votes:
    """N votes: ``p`` [N] that people prefer the first response, ``probability`` [N] that the reward model does.

    ``pairs`` [N, 2] number the models that answered (``models`` names them), ``prompts`` and ``domains`` [N].
    """

    p: Array
    probability: Array
    pairs: NDArray[np.int64]
    models: Sequence[str]
    prompts: Sequence[Hashable]
    domains: Sequence[str]


@dataclass(frozen=True)
class Preference:
    """The metrics on people's votes; None where the votes do not determine one.

    ``accuracy``: of votes with a preferred side. ``row_wise_pearson``: the mean over models of the correlation, over
    its opponents, of its win rates by people and by the reward model. ``separability``: the share of pairs of models
    whose intervals by the reward model do not overlap. ``confidence_agreement``: over all pairs of models, +1 where
    both separate them alike, -1 where oppositely, else 0. ``spearman`` and ``kendall`` of the models' Bradley-Terry
    order. ``rank_brier``: the squared distance between the reward model's confidence, over draws, that one model is
    above another, and whether people put it there. ``brier``: of single votes. ``by_domain`` accuracies, and their
    ``low_quantile`` (the tenth percentile).
    """

    accuracy: Estimate
    row_wise_pearson: Estimate | None
    separability: Estimate | None
    confidence_agreement: Estimate | None
    spearman: Estimate | None
    kendall: Estimate | None
    rank_brier: Estimate | None
    brier: Estimate | None
    by_domain: dict[str, Estimate]
    low_quantile: Estimate | None


def preference(votes: Votes) -> Preference:
    """All metrics of the first half, with intervals from prompts drawn anew. Costs seconds for 20 models."""
    clear = votes.p != 0.5
    told = hits(votes.probability, votes.p)
    prompts = list(votes.prompts)
    squares = (votes.probability - votes.p) ** 2
    boot = _Boots(votes)
    return Preference(
        accuracy=share(told[clear], _at(prompts, clear)),
        row_wise_pearson=bootstrapped(lambda weight: _row_wise(votes, weight), prompts),
        separability=jackknifed(lambda weight: _separability(boot(weight).model), prompts),
        confidence_agreement=jackknifed(lambda weight: _agreement(boot(weight)), prompts),
        spearman=bootstrapped(lambda weight: spearman(*_orders(votes, weight)), prompts),
        kendall=bootstrapped(lambda weight: kendall(*_orders(votes, weight)), prompts),
        rank_brier=jackknifed(lambda weight: _rank_brier(boot(weight)), prompts),
        brier=bootstrapped(lambda weight: float(weight @ squares / max(weight.sum(), 1e-12)), prompts),
        by_domain={
            name: share(told[which], _at(prompts, which))
            for name in sorted(set(votes.domains))
            if (which := clear & (np.array(votes.domains, dtype=object) == name)).any()
        },
        low_quantile=bootstrapped(lambda weight: domain_quantile(told, weight * clear, votes.domains), prompts),
    )


def _at(names: Sequence[Hashable], which: NDArray[np.bool_]) -> list[Hashable]:
    return [names[place] for place in np.flatnonzero(which).tolist()]


def domain_quantile(values: Array, weight: Array, domains: Sequence[str], quantile: float = QUANTILE) -> float:
    """The low quantile over domains of the weighted mean of [n] values within each."""
    told = np.array(domains, dtype=object)
    means = [
        float(weight[which] @ values[which] / weight[which].sum())
        for name in dict.fromkeys(domains)
        if weight[which := told == name].sum() > 0
    ]
    return float(np.quantile(means, quantile)) if means else float("nan")


def _decided(votes: Votes) -> Array:
    """[N]: whom the reward model votes for; it has no doubts, as people's votes have none."""
    return np.where(votes.probability == 0.5, 0.5, votes.probability > 0.5).astype(np.float64)


def _matrices(votes: Votes, weights: Array) -> tuple[Array, Array]:
    size = len(votes.models)
    return wins(votes.pairs, votes.p, weights, size), wins(votes.pairs, _decided(votes), weights, size)


def _orders(votes: Votes, weight: Array) -> tuple[Array, Array]:
    """Strengths [M] by people and by the reward model."""
    people, model = (strengths(matrix)[0] for matrix in _matrices(votes, weight[None]))
    return people, model


def _row_wise(votes: Votes, weight: Array) -> float:
    people, model = (matrix[0] for matrix in _matrices(votes, weight[None]))
    found = []
    for row in range(len(votes.models)):
        games = people[row] + people[:, row]
        met = games > 0
        if met.sum() >= 3:
            found.append(weighted_correlation(people[row, met] / games[met], model[row, met] / games[met]))
    known = [value for value in found if np.isfinite(value)]
    return float(np.mean(known)) if known else float("nan")


@dataclass(frozen=True)
class _Drawn:
    """Strengths [B, M] over draws of prompts, by people and by the reward model."""

    people: Array
    model: Array


class _Boots:
    """Draws of those prompts that have a weight, made once for each weighting."""

    def __init__(self, votes: Votes) -> None:
        self.votes = votes
        self.made: dict[bytes, _Drawn] = {}

    def __call__(self, weight: Array) -> _Drawn:
        """The draws for one weighting [N]."""
        if (key := weight.tobytes()) not in self.made:
            kept = np.flatnonzero(weight > 0)
            weights = np.zeros((ROUNDS, len(weight)))
            weights[:, kept] = draws([self.votes.prompts[place] for place in kept.tolist()], ROUNDS)
            people, model = _matrices(self.votes, weights)
            self.made[key] = _Drawn(strengths(people), strengths(model))
        return self.made[key]


def _separated(drawn_BM: Array) -> NDArray[np.int64]:
    """[M, M]: +1 where the row's 95 % interval lies above the column's, -1 below, 0 where they overlap."""
    low, high = np.quantile(drawn_BM, [0.025, 0.975], axis=0)
    above = low[:, None] > high[None, :]
    return np.asarray(above.astype(np.int64) - above.T.astype(np.int64))


def _pairs_of(matrix: NDArray[np.int64] | Array) -> Array:
    return np.asarray(matrix[np.triu_indices(len(matrix), 1)], dtype=np.float64)


def _separability(drawn_BM: Array) -> float:
    """Li et al. 2024, "From Crowdsourced Data to High-Quality Benchmarks" (arXiv:2406.11939)."""
    told = _pairs_of(_separated(drawn_BM))
    return float(np.abs(told).mean()) if len(told) else float("nan")


def _agreement(drawn: _Drawn) -> float:
    told = _pairs_of(_separated(drawn.people) * _separated(drawn.model))
    return float(told.mean()) if len(told) else float("nan")


def _rank_brier(drawn: _Drawn) -> float:
    sure = (drawn.model[:, :, None] > drawn.model[:, None, :]).mean(0)
    centre = drawn.people.mean(0)
    truth = (centre[:, None] > centre[None, :]).astype(np.float64)
    told = _pairs_of((sure - truth) ** 2)
    return float(told.mean()) if len(told) else float("nan")
