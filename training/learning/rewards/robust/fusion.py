"""RewardFusion: a response's reward leans on those of training examples that are very like it.

Shen et al. 2024, "The Trickle-down Impact of Reward (In-)consistency on RLHF" (arXiv:2309.16155), section 4.2: the mean
of its own score, which counts 1, and the scores of up to five nearest training examples of similarity at least 0.9,
each weighted by its similarity. The paper embeds by SimCSE; any embedding does, and where no sentence encoder is at
hand the words and word pairs of prompt and answer (``ngrams``) stand in. The prompt must be part of what is embedded: a
score means something only beside others with the same constant, which examples alike in prompt and answer very nearly
have.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from zlib import crc32

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..fast.states import Pair
from ..fast.style import WORD

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Fusion:
    """``embeddings`` [n, d] of length 1 and ``scores`` [n] of training responses."""

    embeddings: Array
    scores: Array
    neighbours: int
    similarity: float

    @classmethod
    def fit(cls, embeddings: ArrayLike, scores: ArrayLike, *, neighbours: int, similarity: float) -> "Fusion":
        """Keep what training responses scored: [n, d] and [n]."""
        return cls(unit(embeddings), np.asarray(scores, dtype=np.float64), neighbours, similarity)

    def fuse(self, scores: ArrayLike, embeddings: ArrayLike) -> Array:
        """[n] scores of responses with [n, d] embeddings → [n] fused scores. Costs n·(training responses)·d."""
        alike = unit(embeddings) @ self.embeddings.T
        count = min(self.neighbours, alike.shape[1])
        nearest = np.argsort(-alike, axis=1, kind="stable")[:, :count]
        near = np.take_along_axis(alike, nearest, axis=1)
        weight = np.where(near >= self.similarity, near, 0.0)
        mixed = np.asarray(scores, dtype=np.float64) + (weight * self.scores[nearest]).sum(1)
        return np.asarray(mixed / (1.0 + weight.sum(1)))


def ngrams(pairs: Sequence[Pair], size: int = 1024) -> NDArray[np.float32]:
    """Words and word pairs of n (prompt, response) pairs, hashed with signs into ``size`` columns: [n, size]."""
    table = np.zeros((len(pairs), size), dtype=np.float32)
    for row, (prompt, response) in enumerate(pairs):
        for side, messages in (("asked", prompt), ("said", response)):
            words = [word for message in messages for word in WORD.findall(message["content"].casefold())]
            for gram in (*words, *map(" ".join, pairwise(words))):
                code = crc32(f"{side} {gram}".encode())
                table[row, (code >> 1) % size] += 1.0 if code & 1 else -1.0
    return table


def unit(vectors: ArrayLike) -> Array:
    """[n, d] rows scaled to length 1; a zero row stays zero."""
    x = np.asarray(vectors, dtype=np.float64)
    length = np.linalg.norm(x, axis=1, keepdims=True)
    return np.asarray(x / np.where(length > 0.0, length, 1.0))
