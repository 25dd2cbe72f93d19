"""What the ranker of a policy run thinks of people's pairs, for objectives that read a reward margin."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ..objectives.dynamic_beta import REWARD
from ..rows import PreferenceRow
from .ranking import Ranker


def with_rewards(rows: Sequence[PreferenceRow], ranker: Ranker) -> list[PreferenceRow]:
    """The rows with a ranker's utility of both responses among their ratings."""
    pairs = [(row.prompt, response) for row in rows for response in row.responses]
    if not pairs:
        return []
    asked = np.repeat(np.arange(len(rows)), 2)
    found = ranker.utility(ranker.read(pairs), asked)
    scored = []
    for number, row in enumerate(rows):
        first, second = row.ratings or ({}, {})
        ratings = ({**first, REWARD: float(found[2 * number])}, {**second, REWARD: float(found[2 * number + 1])})
        scored.append(replace(row, ratings=ratings))
    return scored
