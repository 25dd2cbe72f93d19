"""Curriculum DPO: pairs from easy to hard in three stages, each against the model that the stage before it made."""

from collections.abc import Sequence
from dataclasses import dataclass

from ..lists import RankedList, pair_of
from ..rows import PreferenceRow
from .dpo import SIGMOID
from .mixture import READ_WITH_REFERENCE, Mixture

STAGES = 3


@dataclass(frozen=True)
class Curriculum:
    """Pattnaik et al. 2024, "Curry-DPO", arXiv:2403.07230.

    A list gives its best response against its worst, its middle and its second, one a stage; with four responses
    these are the paper's (R1, R4), (R1, R3), (R1, R2). People's pairs and lists of two or three are put in order by how
    clear they are (label, then stated strength) and cut in three. The first stage's reference is the incumbent, each
    later one's the policy as the stage before left it; each stage has ``num_train_epochs``, in the paper one.
    """

    key: str = "curry_dpo"

    @property
    def pairs(self) -> Mixture:
        """What each stage trains by: DPO."""
        return Mixture(((SIGMOID, 1.0),))

    @property
    def read(self) -> set[str]:
        """The dials that it reads. Its reference moves by itself, from stage to stage."""
        return self.pairs.read.difference(READ_WITH_REFERENCE)

    def stages(self, rows: Sequence[PreferenceRow], lists: Sequence[RankedList]) -> list[list[PreferenceRow]]:
        """The pairs of each stage, easy to hard; a stage without any is left out."""
        staged: list[list[PreferenceRow]] = [[] for _ in range(STAGES)]
        loose = list(rows)
        for ranked in lists:
            pairs = [pair_of(ranked, ranked.best_first[0], other) for other in _others(ranked)]
            if len(pairs) < STAGES:
                loose += pairs
                continue
            for stage, pair in zip(staged, pairs, strict=True):
                stage.append(pair)
        loose.sort(key=_clarity, reverse=True)  # stable: equals stay in the order they came
        for place, row in enumerate(loose):
            staged[place * STAGES // len(loose)].append(row)
        return [stage for stage in staged if stage]


def _others(ranked: RankedList) -> list[int]:
    """Whom the best stands against, worst first: three spread evenly over the ranks, all of fewer."""
    order = ranked.best_first
    if len(order) <= STAGES:
        return order[:0:-1]
    hardest, easiest = 1, len(order) - 1
    return [order[easiest], order[(hardest + easiest + 1) // 2], order[hardest]]


def _clarity(row: PreferenceRow) -> tuple[float, int]:
    return abs(2.0 * row.p - 1.0), abs(row.strength or 0)


CURRY_DPO = Curriculum()
