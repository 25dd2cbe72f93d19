"""Contrast instructions (Shen et al., "The Trickle-down Impact of Reward (In-)consistency on RLHF", arXiv:2309.16155).

Two prompts that are worded alike but want different answers, each with a good response of its own: a reward model
that reads the prompt ranks each prompt's own response first. Built from a project's own judgments by retrieval.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array

from ..rewards.fast.lexicon import terms
from ..rows import Message, PreferenceRow
from .intervals import Estimate
from .judgments import Array, prompt_key
from .shares import share

SIMILAR = (0.5, 0.95)  # cosine of tf-idf vectors: below, another question; above, the same one in other words
MOST = 2_000  # prompts that are compared with each other: that many squared similarities are held


@dataclass(frozen=True)
class Contrast:
    """Two similar prompts, each with the response that people preferred there, and how similar they are."""

    prompts: tuple[list[Message], list[Message]]
    responses: tuple[list[Message], list[Message]]
    similarity: float


@dataclass(frozen=True)
class Consistency:
    """``own_response``: r(I1, R1) > r(I1, R2). ``own_prompt``: r(I1, R1) > r(I2, R1); each both ways round.

    Bradley-Terry fixes a reward only up to a constant for each prompt, so ``own_prompt`` compares what pairwise labels
    leave open: it is reported always, and ``own_prompt_counts`` says whether it means anything, which it does for a
    model trained with absolute labels. (The paper tests both of any model.)
    """

    own_response: Estimate
    own_prompt: Estimate
    own_prompt_counts: bool
    contrasts: int


def build_contrasts(rows: Sequence[PreferenceRow], similar: tuple[float, float] = SIMILAR) -> list[Contrast]:
    """Disjoint pairs of similar prompts from preference rows, the most similar first; [] where none are.

    The paper retrieves by sentence embeddings; here it is the cosine of tf-idf word vectors, which needs no model
    and finds what is worded alike, the very trap that the test sets. A prompt's response is that of its most decided
    judgment; pairs whose responses are the same text are left out.
    """
    best: dict[str, PreferenceRow] = {}
    for row in rows:
        key = prompt_key(row.prompt)
        if row.p != 0.5 and (key not in best or abs(row.p - 0.5) > abs(best[key].p - 0.5)):
            best[key] = row
    kept = list(best.values())[:MOST]
    if len(kept) < 2:
        return []
    near = np.triu(_similarities([_asked(row.prompt) for row in kept]), 1)
    places = np.argwhere((near >= similar[0]) & (near <= similar[1])).tolist()
    order = sorted((-float(near[a, b]), a, b) for a, b in places)
    used: set[int] = set()
    found = []
    for distance, a, b in order:
        mine, other = _preferred(kept[a]), _preferred(kept[b])
        if a not in used and b not in used and mine != other:
            used |= {a, b}
            found.append(Contrast((kept[a].prompt, kept[b].prompt), (mine, other), -distance))
    return found


def _preferred(row: PreferenceRow) -> list[Message]:
    return row.responses[0] if row.p > 0.5 else row.responses[1]


def _asked(prompt: Sequence[Message]) -> str:
    return "\n\n".join(message["content"] for message in prompt)


def _similarities(texts: Sequence[str]) -> Array:
    """Cosines [n, n] of tf-idf vectors over words and word pairs, none of them left out."""
    held = [sorted(terms(text)) for text in texts]
    place = {term: number for number, term in enumerate(sorted({term for found in held for term in found}))}
    seen = np.bincount([place[term] for found in held for term in found], minlength=len(place))
    weight = np.log((1.0 + len(texts)) / (1.0 + seen)) + 1.0
    columns = [place[term] for found in held for term in found]
    table = csr_array((weight[columns], columns, np.cumsum([0, *map(len, held)])), shape=(len(texts), len(place)))
    length = np.sqrt(np.asarray(table.power(2).sum(axis=1)).ravel())
    return np.asarray((table @ table.T).toarray() / np.maximum(np.outer(length, length), 1e-12))


def asked_of(contrasts: Sequence[Contrast]) -> list[tuple[list[Message], list[Message]]]:
    """The (prompt, response) pairs to be scored, four a contrast: I1R1, I1R2, I2R1, I2R2."""
    return [(prompt, response) for one in contrasts for prompt in one.prompts for response in one.responses]


def consistency(rewards: Array, *, absolute: bool = False) -> Consistency:
    """From rewards [4n] in the order of ``asked_of``; ``absolute``: the model was trained with absolute labels.

    Ties are no consistency. Raises ValueError without contrasts.
    """
    told = np.asarray(rewards, dtype=np.float64).reshape(-1, 2, 2)  # [n, prompt, response]
    if not len(told):
        raise ValueError("there are no two similar prompts with responses of their own: collect more judgments")
    own = np.stack([told[:, 0, 0] > told[:, 0, 1], told[:, 1, 1] > told[:, 1, 0]], axis=1)
    same = np.stack([told[:, 0, 0] > told[:, 1, 0], told[:, 1, 1] > told[:, 0, 1]], axis=1)
    clusters = np.repeat(np.arange(len(told)), 2).tolist()
    return Consistency(share(own.ravel(), clusters), share(same.ravel(), clusters), absolute, len(told))
