"""Which words and word pairs a response holds: a sparse 0/1 table over a vocabulary fixed when it is fitted."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

TERM = re.compile(r"[^\W_]+(?:['’][^\W_]+)*|[^\w\s]")
MOST_TERMS = 4_000


def terms(text: str) -> set[str]:
    """Lower-case words and marks, and pairs of neighbours, each once; the first word also by its place."""
    found = [term.lower() for term in TERM.findall(text)]
    pairs = {f"{left} {right}" for left, right in pairwise(found)}
    return {*found, *pairs, f"^ {found[0]}" if found else "^"}


@dataclass(frozen=True)
class Lexicon:
    """The terms that are told apart; a term outside of it leaves no trace."""

    vocabulary: tuple[str, ...]

    @classmethod
    def fit(cls, texts: Sequence[str], at_least: float = 0.01) -> "Lexicon":
        """Keep terms that occur in ``at_least`` of the texts (and twice), not in all; the commonest first."""
        counts = Counter(term for text in texts for term in terms(text))
        least = max(2, at_least * len(texts))
        kept = [term for term, count in counts.items() if least <= count < len(texts)]
        return cls(tuple(sorted(kept, key=lambda term: (-counts[term], term))[:MOST_TERMS]))

    @cached_property
    def _place(self) -> dict[str, int]:
        return {term: place for place, term in enumerate(self.vocabulary)}

    def table(self, texts: Iterable[str]) -> csr_array:
        """0/1 table of n texts: [n, len(vocabulary)] float32."""
        columns: list[int] = []
        starts = [0]
        for text in texts:
            columns += sorted(self._place[term] for term in terms(text) if term in self._place)
            starts.append(len(columns))
        ones: NDArray[np.float32] = np.ones(len(columns), dtype=np.float32)
        return csr_array((ones, columns, starts), shape=(len(starts) - 1, len(self.vocabulary)))
