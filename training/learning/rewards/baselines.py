"""What a reward model must beat: a model that sees only lengths, and one that sees only words."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ..rows import PreferenceRow
from .fast.lexicon import Lexicon
from .fast.posterior import FastPosterior
from .fast.style import WORD

Array = NDArray[np.float64]
MOST_WORDS = 1_000  # of the bag: a Newton step solves that many equations


def length_only(train: Sequence[PreferenceRow], test: Sequence[PreferenceRow]) -> Array:
    """Probabilities [len(test)] of a model that knows only how many words and characters each side has."""
    return _fitted(_lengths(train), _lengths(test), train)


def bag_of_words(train: Sequence[PreferenceRow], test: Sequence[PreferenceRow]) -> Array:
    """Probabilities [len(test)] of a logistic model on which words, marks and word pairs each side holds."""
    lexicon = Lexicon.fit([text for row in train for text in _texts(row)])
    lexicon = Lexicon(lexicon.vocabulary[:MOST_WORDS])
    return _fitted(_bags(lexicon, train), _bags(lexicon, test), train)


def _fitted(train: Array, test: Array, rows: Sequence[PreferenceRow]) -> Array:
    scale = float(np.sqrt((train**2).sum(1).mean())) or 1.0
    fitted = FastPosterior.fit(
        train / scale, [row.p for row in rows], [row.weight for row in rows], dimension=max(train.shape[1], 1)
    )
    return fitted.predict(test / scale).probability


def _texts(row: PreferenceRow) -> tuple[str, str]:
    first, second = ("\n\n".join(message["content"] for message in response) for response in row.responses)
    return first, second


def _lengths(rows: Sequence[PreferenceRow]) -> Array:
    told = [[(len(WORD.findall(text)), len(text)) for text in _texts(row)] for row in rows]
    counts = np.array(told, dtype=np.float64).reshape(-1, 2, 2)
    logs = np.log1p(counts)
    return np.hstack([(counts[:, 0] - counts[:, 1]) / 50.0, logs[:, 0] - logs[:, 1]])


def _bags(lexicon: Lexicon, rows: Sequence[PreferenceRow]) -> Array:
    if not lexicon.vocabulary:
        return np.zeros((len(rows), 1))
    table = lexicon.table(text for row in rows for text in _texts(row)).toarray().astype(np.float64)
    return np.asarray(table[0::2] - table[1::2])
