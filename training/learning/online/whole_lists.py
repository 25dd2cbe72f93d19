"""Whole lists of a policy's fresh responses, ranked and scored; for objectives that learn from more than two."""

from collections.abc import Sequence

import numpy as np

from ..lists import RankedList
from .best_against_worst import Answered, answer
from .ranking import Array, Ranker


def whole_lists(groups: Sequence[Answered], ranker: Ranker, *, sure: float) -> list[RankedList]:
    """One list per group whose best beats its worst with a probability of at least ``sure``; equal texts are one.

    Ranks are by utility. A response's score is how likely it is preferred to another one of its list (Borda's count by
    the ranker's probabilities), so that scores of different prompts and people's labels are on one scale.
    """
    unlike = [(prompt, list(dict.fromkeys(texts))) for prompt, texts in groups]
    unlike = [(prompt, texts) for prompt, texts in unlike if len(texts) >= 2]
    if not unlike:
        return []
    seen = ranker.read([(prompt, answer(text)) for prompt, texts in unlike for text in texts])
    asked = np.repeat(np.arange(len(unlike)), [len(texts) for _, texts in unlike])
    utility = ranker.utility(seen, asked)
    found, start = [], 0
    for prompt, texts in unlike:
        own = slice(start, start + len(texts))
        start += len(texts)
        beats_KK = _beats(ranker, seen[own])
        mine = utility[own]
        if beats_KK[mine.argmax(), mine.argmin()] < sure:
            continue
        ranks = tuple(int((mine > one).sum()) + 1 for one in mine)
        scores = (beats_KK.sum(axis=1) - 0.5) / (len(texts) - 1)
        told = tuple(float(score) for score in scores.clip(0.0, 1.0))
        found.append(RankedList(prompt, tuple(map(answer, texts)), ranks, told, source="reward_model"))
    return found


def _beats(ranker: Ranker, seen: Array) -> Array:
    """The probability that row i is preferred to column j; ½ on the diagonal: [K, K]."""
    size = len(seen)
    first, second = np.divmod(np.arange(size * size), size)
    beats_KK = ranker.probability(seen[first], seen[second]).reshape(size, size)
    np.fill_diagonal(beats_KK, 0.5)
    return beats_KK
