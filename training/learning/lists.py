"""Lists of responses to one prompt: ranks, ties, what is known of the top only, and scores."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from .rows import Message, PreferenceRow

Ranks = tuple[int | None, ...]


@dataclass(frozen=True)
class RankedList:
    """k responses to one prompt, and what is known of their order.

    ``ranks`` count from 1; equal ranks are a tie; None is worse than all that have a rank, in no known order (a list of
    which only the top was ranked). ``p`` is the probability that the order is as the ranks say and not the other way
    round, for lists of two; a longer list is certain. ``scores`` are on one scale over all lists: in [0, 1], how likely
    a response is preferred to another one of its list. ``weight`` multiplies the list's loss.
    """

    prompt: list[Message]
    responses: tuple[list[Message], ...]
    ranks: Ranks
    scores: tuple[float, ...] | None = None
    p: float = 1.0
    weight: float = 1.0
    source: str = "person"

    def __post_init__(self) -> None:
        """Refuse what no trainer could use, in words."""
        count = len(self.responses)
        if count < 2:
            raise ValueError(f"a list has at least two responses, not {count}")
        if len(self.ranks) != count or (self.scores is not None and len(self.scores) != count):
            raise ValueError(f"a list of {count} responses has a rank, and where it has scores a score, for each")
        known = [rank for rank in self.ranks if rank is not None]
        if not known or min(known) < 1:
            raise ValueError(f"ranks count from 1 and at least one response has one, not {self.ranks}")
        if not 0.0 <= self.p <= 1.0 or (self.p != 1.0 and count > 2):
            raise ValueError(f"p is a probability, and 1 for a list of more than two, not {self.p}")
        if not (math.isfinite(self.weight) and self.weight >= 0.0):
            raise ValueError(f"weight is a finite number of at least 0, not {self.weight!r}")
        if self.scores is not None and not all(0.0 <= score <= 1.0 for score in self.scores):
            raise ValueError(f"scores are in [0, 1], how likely each is preferred in its list, not {self.scores}")

    @property
    def best_first(self) -> list[int]:
        """The responses' places, best first; ties and what has no rank in the order they stand in."""
        return sorted(range(len(self.ranks)), key=lambda place: (self.ranks[place] or math.inf, place))

    def part(self, places: list[int]) -> "RankedList":
        """The list of the responses at these places only, in that order; a part of a longer list is certain too."""
        return RankedList(
            self.prompt,
            tuple(self.responses[place] for place in places),
            tuple(self.ranks[place] for place in places),
            None if self.scores is None else tuple(self.scores[place] for place in places),
            self.p,
            self.weight,
            self.source,
        )


def list_of_row(row: PreferenceRow) -> RankedList:
    """A judged pair as a list of two; the label is the first one's score, its rest the second one's."""
    return RankedList(row.prompt, row.responses, (1, 2), (row.p, 1.0 - row.p), row.p, row.weight, row.source)


def lists_of_rows(rows: Sequence[PreferenceRow]) -> list[RankedList]:
    """Judged pairs as lists of two; where people rated both responses, what they rated is the score.

    A rating is the mean over a response's attributes, from 0 for the lowest among these rows to 1 for the highest.
    Where all are the same, or a row has none, the label is the score.
    """
    rated = {place: _means(row) for place, row in enumerate(rows) if row.ratings and all(row.ratings)}
    known = [mean for means in rated.values() for mean in means]
    low, span = (min(known), max(known) - min(known)) if known else (0.0, 0.0)
    found = [list_of_row(row) for row in rows]
    if span > 0.0:
        for place, (first, second) in rated.items():
            found[place] = replace(found[place], scores=((first - low) / span, (second - low) / span))
    return found


def _means(row: PreferenceRow) -> tuple[float, float]:
    first, second = (sum(rating.values()) / len(rating) for rating in row.ratings or ())
    return first, second


def pair_of(ranked: RankedList, first: int, second: int) -> PreferenceRow:
    """Two responses of a list as a pair.

    The label of a list of two is its own. In a longer one it is ½ + ½·(the difference of their scores), or, where
    nothing was scored, certain by the ranks and ½ for a tie.
    """
    here, there = (ranked.ranks[place] or math.inf for place in (first, second))
    label = 0.5 if here == there else ranked.p if here < there else 1.0 - ranked.p
    if ranked.scores is not None and len(ranked.responses) > 2:
        label = 0.5 + 0.5 * (ranked.scores[first] - ranked.scores[second])
    return PreferenceRow(
        comparison_id=None,
        prompt=ranked.prompt,
        responses=(ranked.responses[first], ranked.responses[second]),
        response_ids=(None, None),
        p=label,
        strength=None,
        weight=ranked.weight,
        source=ranked.source,
        judgment_ids=(),
    )
