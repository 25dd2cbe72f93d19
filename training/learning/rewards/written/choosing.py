"""Who names a round's best and worst: the verdicts that people gave before."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from ...rows import PreferenceRow
from .code import Program, texts
from .declared import measured
from .rounds import Rounds, Shown

Choose = Callable[[Rounds, Sequence[Shown]], tuple[int, int]]


def by_judgments(rows: Sequence[PreferenceRow]) -> Choose:
    """The candidates that agree most and least with verdicts that people gave: nobody has to be asked anew."""
    features = _features(rows)

    def choose(rounds: Rounds, shown: Sequence[Shown]) -> tuple[int, int]:
        return _extremes([_agreement(one.program, features, rows) for one in shown])

    return choose


def agreement(program: Program, rows: Sequence[PreferenceRow]) -> float:
    """How far a program agrees with verdicts, 0 to 1: the mean of ½ + (p − ½)·sign(reward₁ − reward₂), rows by their
    weight. Code without a value for a response is of no opinion there."""
    return _agreement(program, _features(rows), rows)


def _features(rows: Sequence[PreferenceRow]) -> list[Mapping[str, float]]:
    return measured([texts(row.prompt, response) for row in rows for response in row.responses])


def _agreement(program: Program, features: Sequence[Mapping[str, float]], rows: Sequence[PreferenceRow]) -> float:
    rewards = program.rewards(features, otherwise=float("nan"))
    signs = np.nan_to_num(np.sign(rewards[0::2] - rewards[1::2]))
    weights = np.array([row.weight for row in rows])
    lean = np.array([row.p - 0.5 for row in rows])
    return float(0.5 + (weights * lean * signs).sum() / weights.sum())


def _extremes(values: Sequence[float]) -> tuple[int, int]:
    """The places of the largest and, elsewhere, the smallest value."""
    best = int(np.argmax(values))
    others = [place for place in range(len(values)) if place != best]
    return best, min(others, key=lambda place: values[place], default=best)
