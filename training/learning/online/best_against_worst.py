"""Pairs of a policy's fresh responses: best against worst of n, where the ranker is sure enough.

The pair source of iterative DPO (Dong et al. 2024, "RLHF Workflow", arXiv:2405.07863), with the ranker's probability
as the soft label. Such rows carry source ``reward_model`` and are never counted or exported as anybody's judgment.
"""

from collections.abc import Sequence

import numpy as np

from ..rows import Message, PreferenceRow
from .ranking import Ranker

Answered = tuple[list[Message], list[str]]  # a prompt and the texts of its sampled responses


def answer(text: str) -> list[Message]:
    """A sampled text as a response."""
    return [Message(role="assistant", content=text)]


def best_against_worst(groups: Sequence[Answered], ranker: Ranker, *, sure: float) -> list[PreferenceRow]:
    """One row per group whose best beats its worst with a probability of at least ``sure``; the best comes first."""
    pairs = [(prompt, answer(text)) for prompt, texts in groups for text in texts]
    if not pairs:
        return []
    seen = ranker.read(pairs)
    asked = np.repeat(np.arange(len(groups)), [len(texts) for _, texts in groups])
    utility = ranker.utility(seen, asked)
    best: list[int] = []
    worst: list[int] = []
    start = 0
    for _, texts in groups:
        own = range(start, start + len(texts))
        best.append(max(own, key=lambda place: (utility[place], -place)))
        worst.append(min(own, key=lambda place: (utility[place], place)))
        start += len(texts)
    probability = ranker.probability(seen[best], seen[worst])
    return [
        PreferenceRow(
            comparison_id=None,
            prompt=pairs[first][0],
            responses=(pairs[first][1], pairs[second][1]),
            response_ids=(None, None),
            p=float(p),
            strength=None,
            weight=1.0,
            source="reward_model",
            judgment_ids=(),
        )
        for first, second, p in zip(best, worst, probability, strict=True)
        if p >= sure and pairs[first][1] != pairs[second][1]
    ]
