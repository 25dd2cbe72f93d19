"""What a ranked list says, as numbers: which responses come before which, which is first, and every order it allows."""

import math
from dataclasses import dataclass
from itertools import permutations, product

import numpy as np
from numpy.typing import NDArray

from ..lists import RankedList

Array = NDArray[np.float64]
MOST_ORDERS = 24  # of four tied responses; of more, so many are drawn


@dataclass(frozen=True)
class Reading:
    """Of a list of K responses: the probability that row i comes before column j, that each is first, and O orders.

    A tie is half a preference each way, as p = ½ is in every pair objective; among what has no rank both are 0.
    ``order_OK`` holds places, best first, what has no rank at the end; its first ``known`` places are what was ranked.
    """

    before_KK: Array
    first_K: Array
    order_OK: NDArray[np.int64]
    chance_O: Array
    known: int


def reading(ranked: RankedList) -> Reading:
    """Read a list. Where ties allow more than ``MOST_ORDERS`` orders, that many are drawn, always the same ones."""
    rank_K = np.array([rank or np.inf for rank in ranked.ranks])
    known_K = np.isfinite(rank_K)
    equal_KK = (rank_K[:, None] == rank_K) & known_K & ~np.eye(len(rank_K), dtype=bool)
    before_KK = (rank_K[:, None] < rank_K) + 0.5 * equal_KK
    first_K = (rank_K == rank_K.min()) / (rank_K == rank_K.min()).sum()
    order_OK = _orders(ranked)
    chance_O = np.full(len(order_OK), 1.0 / len(order_OK))
    if ranked.p != 1.0:  # two responses, perhaps the other way round
        before_KK = ranked.p * before_KK + (1.0 - ranked.p) * before_KK.T
        first_K = ranked.p * first_K + (1.0 - ranked.p) * first_K[::-1]
        order_OK = np.concatenate([order_OK, order_OK[:, ::-1]])
        chance_O = np.concatenate([ranked.p * chance_O, (1.0 - ranked.p) * chance_O])
    return Reading(before_KK, first_K, order_OK, chance_O, int(known_K.sum()))


def _orders(ranked: RankedList) -> NDArray[np.int64]:
    """Every order that the ranks allow, [O, K]."""
    ranks = sorted({rank for rank in ranked.ranks if rank is not None})
    tied = [[place for place, rank in enumerate(ranked.ranks) if rank == one] for one in ranks]
    rest = [place for place, rank in enumerate(ranked.ranks) if rank is None]
    if math.prod(math.factorial(len(places)) for places in tied) <= MOST_ORDERS:
        ways = product(*(permutations(places) for places in tied))
        return np.array([[*(place for part in way for place in part), *rest] for way in ways])
    noise = np.random.default_rng(len(ranked.ranks))
    return np.array(
        [[*(int(place) for part in tied for place in noise.permutation(part)), *rest] for _ in range(MOST_ORDERS)]
    )
