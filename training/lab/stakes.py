"""How stake rules compare at the gate: duels to a promotion, power and false promotions, by simulation.

The gate's own table (training/gate.py) beside rules from the literature on testing by betting: a fixed stake, an
even mixture of fixed stakes, and the running estimate of the best stake (Waudby-Smith and Ramdas 2024, "aGRAPA").
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.gate import Rules, stake_table

Floats = NDArray[np.float64]
Path = Callable[[Floats], Floats]  # outcomes [runs, duels] → log wealth after each duel [runs, duels]

CASES = ((0.75, 0.0), (0.75, 0.2), (0.65, 0.0), (0.60, 0.0), (0.60, 0.2), (0.50, 0.0), (0.50, 0.2))


def fixed(stake: float) -> Path:
    """Always the same stake."""
    return lambda outcomes: np.log1p(stake * (outcomes - 0.5)).cumsum(axis=1)


def mixture(*stakes: float) -> Path:
    """The mean wealth of several bettors with fixed stakes."""
    paths = [fixed(stake) for stake in stakes]
    return lambda outcomes: np.log(np.mean([np.exp(path(outcomes)) for path in paths], axis=0))


def running_estimate(prior: float = 20.0, prior_mean: float = 0.65) -> Path:
    """The stake that would have grown best so far, to second order, shrunk towards a prior of some duels."""

    def path(outcomes: Floats) -> Floats:
        excess = outcomes - 0.5
        told = np.zeros((len(outcomes), 1))
        sums = np.cumsum(np.hstack([told + prior * (prior_mean - 0.5), excess[:, :-1]]), axis=1)
        squares = np.cumsum(np.hstack([told + prior * 0.25, excess[:, :-1] ** 2]), axis=1)
        return np.log1p(np.clip(sums / squares, 0.0, 1.6) * excess).cumsum(axis=1)

    return path


def tabled(rules: Rules) -> Path:
    """The gate's own stakes."""

    def path(outcomes: Floats) -> Floats:
        table, wealth, seen = stake_table(rules), np.zeros(len(outcomes)), []
        for number in range(outcomes.shape[1]):
            wealth = wealth + np.log1p(table.stake(wealth, rules.budget - number) * (outcomes[:, number] - 0.5))
            seen.append(wealth)
        return np.stack(seen, axis=1)

    return path


@dataclass(frozen=True)
class Line:
    """One rule in one case: the share promoted within the budget, and duels used on average."""

    rule: str
    win_rate: float
    ties: float
    promoted: float
    duels: float


def draw(win_rate: float, ties: float, runs: int, duels: int, seed: int) -> Floats:
    """Outcomes [runs, duels] with that mean and that share of ties."""
    toss = np.random.default_rng(seed).random((runs, duels))
    wins = win_rate - ties / 2
    return np.where(toss < wins, 1.0, np.where(toss < wins + ties, 0.5, 0.0))


def compare(runs: int = 20_000, seed: int = 0, rules: Rules | None = None) -> list[Line]:
    """Every rule in every case."""
    rules = rules or Rules()
    paths = {
        "table": tabled(rules),
        "fixed 0.5": fixed(0.5),
        "fixed 0.7": fixed(0.7),
        "fixed 1.0": fixed(1.0),
        "mixture": mixture(0.4, 0.8, 1.2),
        "running estimate": running_estimate(),
    }
    lines = []
    for number, (win_rate, ties) in enumerate(CASES):
        outcomes = draw(win_rate, ties, runs, rules.budget, seed + number)
        for name, path in paths.items():
            reached = path(outcomes) >= rules.threshold
            first = np.where(reached.any(axis=1), reached.argmax(axis=1) + 1, rules.budget)
            lines.append(Line(name, win_rate, ties, float(reached.any(axis=1).mean()), float(first.mean())))
    return lines
