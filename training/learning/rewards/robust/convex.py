"""ConvexDA: changed copies of judged responses, only the outermost kept, as further training pairs.

Shen et al. 2024, "The Trickle-down Impact of Reward (In-)consistency on RLHF" (arXiv:2309.16155), section 4.1: each
response is perturbed several times, all copies are embedded and projected on two principal components, and those on the
convex hull stay: the fewest that span what was said. A changed copy keeps its response's label. The paper has a
language model paraphrase; the changes here are rules, none of which needs one.
"""

import re
from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]
Change = Callable[[list[str], np.random.Generator], list[str]]


def _drop(words: list[str], chance: np.random.Generator) -> list[str]:
    place = int(chance.integers(len(words)))
    return words[:place] + words[place + 1 :]


def _swap(words: list[str], chance: np.random.Generator) -> list[str]:
    place = int(chance.integers(len(words) - 1))
    return [*words[:place], words[place + 1], words[place], *words[place + 2 :]]


def _twice(words: list[str], chance: np.random.Generator) -> list[str]:
    place = int(chance.integers(len(words)))
    return [*words[:place], words[place], *words[place:]]


def _rotate(words: list[str], chance: np.random.Generator) -> list[str]:
    sentences = re.split(r"(?<=[.!?…])\s+", " ".join(words))
    place = int(chance.integers(len(sentences)))
    return [word for sentence in sentences[place:] + sentences[:place] for word in sentence.split()]


def _case(words: list[str], chance: np.random.Generator) -> list[str]:
    place = int(chance.integers(len(words)))
    return [*words[:place], words[place].swapcase(), *words[place + 1 :]]


CHANGES: tuple[Change, ...] = (_drop, _swap, _twice, _rotate, _case)


def perturbed(text: str, count: int, seed: int) -> list[str]:
    """``count`` changed copies by the changes in turn: a word left out, two words swapped, a word said twice, the
    sentences in another order, a word in other letters. Fewer than two words stay as they are."""
    words, chance = text.split(), np.random.default_rng(seed)
    if len(words) < 2:
        return [text] * count
    return [" ".join(CHANGES[number % len(CHANGES)](words, chance)) for number in range(count)]


def plane(vectors: ArrayLike) -> Array:
    """[n, d] → [n, 2]: the first two principal components."""
    x = np.asarray(vectors, dtype=np.float64)
    x = x - x.mean(0)
    _, _, axes = np.linalg.svd(x, full_matrices=False)
    flat = np.zeros((len(x), 2))
    flat[:, : min(2, len(axes))] = x @ axes[:2].T
    return flat


def hull(points: ArrayLike) -> list[int]:
    """Places of the convex hull's corners of [n, 2] points, counter-clockwise, by Andrew's monotone chain.

    Points between two corners are no corners; of equal points the first is meant.
    """
    xy = np.asarray(points, dtype=np.float64)
    order: list[int] = []
    for place in np.lexsort((xy[:, 1], xy[:, 0])).tolist():
        if not order or tuple(xy[place]) != tuple(xy[order[-1]]):
            order.append(place)
    if len(order) < 3:
        return order
    return _chain(xy, order)[:-1] + _chain(xy, order[::-1])[:-1]


def _chain(xy: Array, order: list[int]) -> list[int]:
    found: list[int] = []
    for place in order:
        while len(found) > 1 and _turn(xy[found[-2]], xy[found[-1]], xy[place]) <= 0.0:
            found.pop()
        found.append(place)
    return found


def _turn(a: Array, b: Array, c: Array) -> float:
    """Above 0 where a → b → c turns left."""
    return float((b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0]))


def outermost(vectors: ArrayLike) -> list[int]:
    """Which changed copies of a response stay: [1 + count, d] vectors, the unchanged one first, which is left out."""
    return [place - 1 for place in sorted(hull(plane(vectors))) if place > 0]
