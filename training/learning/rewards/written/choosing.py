"""Who names a round's best and worst: people, verdicts that they gave before, or a known taste in tests and the lab."""

from collections.abc import Callable, Sequence

import numpy as np

from ...rows import PreferenceRow
from .code import texts
from .declared import measured
from .rounds import Rounds, Shown

Choose = Callable[[Rounds, Sequence[Shown]], tuple[int, int]]


def by_taste(taste: Callable[[str, str], float]) -> Choose:
    """The candidates whose picks a known taste likes most and least, on average over the pools."""

    def choose(rounds: Rounds, shown: Sequence[Shown]) -> tuple[int, int]:
        liked = [
            float(np.mean([taste(p.prompt, p.responses[k]) for p, k in zip(rounds.pools, one.picks, strict=True)]))
            for one in shown
        ]
        return _extremes(liked)

    return choose


def by_judgments(rows: Sequence[PreferenceRow]) -> Choose:
    """The candidates that agree most and least with verdicts that people gave: nobody has to be asked anew.

    Agreement is the mean of ½ + (p − ½)·sign(reward₁ − reward₂), rows by their weight; code without a value for a
    response is of no opinion there.
    """
    sides = [[texts(row.prompt, response) for response in row.responses] for row in rows]
    features = measured([text for pair in sides for text in pair])
    lean = np.array([(row.p - 0.5) * row.weight for row in rows])

    def choose(rounds: Rounds, shown: Sequence[Shown]) -> tuple[int, int]:
        agreed = []
        for one in shown:
            rewards = one.program.rewards(features, otherwise=float("nan"))
            agreed.append(float(np.nansum(lean * np.sign(rewards[0::2] - rewards[1::2]))))
        return _extremes(agreed)

    return choose


def _extremes(values: Sequence[float]) -> tuple[int, int]:
    """The places of the largest and, elsewhere, the smallest value."""
    best = int(np.argmax(values))
    others = [place for place in range(len(values)) if place != best]
    return best, min(others, key=lambda place: values[place], default=best)
