"""Cross-fitting on prompts and writers that a model has never seen: each pair is predicted once, by a model fitted to
other prompts, answered by other models.

A split by prompt alone is not enough on benchmark files: which model wrote a response can be told from its manner,
and a bag of words learns the leaderboard.
"""

import hashlib
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

FAMILY = re.compile(r"[a-z]+")


@dataclass(frozen=True)
class Fold:
    """Indices of the pairs to fit on and of those to predict."""

    train: list[int]
    test: list[int]


def family(writer: str) -> str:
    """A model's family, its name's first letters: claude of claude-2.1, so that a sibling is no stranger."""
    found = FAMILY.search(writer.rpartition(":")[2].casefold())
    return found[0] if found else writer


def halves(writers: Sequence[tuple[str, ...]]) -> dict[str, int]:
    """Every family in one of two halves, the most frequent first, each into the half that has fewer responses yet."""
    counts = Counter(family(writer) for pair in writers for writer in pair)
    sizes, half = [0, 0], {}
    for name, count in sorted(counts.items(), key=lambda one: (-one[1], one[0])):
        half[name] = int(sizes[1] < sizes[0])
        sizes[half[name]] += count
    return half


def unseen_folds(prompts: Sequence[str], writers: Sequence[tuple[str, ...]], count: int = 2) -> list[Fold]:
    """Folds over ``count`` parts of the prompts, and over both halves of the families where writers are known.

    A pair is predicted when both its writers are of one half; it is fitted to then when both are of the other.
    Pairs across the halves are neither. ``prompts`` [n] name the prompts' roots, ``writers`` [n] may be empty tuples.
    """
    part = [int.from_bytes(hashlib.sha256(prompt.encode()).digest()[:8], "big") % count for prompt in prompts]
    half = halves(writers)
    sides = [{half[family(writer)] for writer in pair} for pair in writers]
    known = bool(half)
    folds = []
    for number in range(count):
        for side in (0, 1) if known else (None,):
            test = [n for n, told in enumerate(sides) if part[n] == number and (side is None or told == {side})]
            train = [n for n, told in enumerate(sides) if part[n] != number and (side is None or told == {1 - side})]
            folds.append(Fold(train, test))
    return folds
