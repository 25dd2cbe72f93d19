"""What is needed of judgments to measure a model by: labels, prompts, sources, arms and lengths."""

import json
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ..rewards.fast.style import WORD
from ..rows import Message, PreferenceRow

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Judgments:
    """n judgments of pairs.

    ``p`` [n] are soft labels that the first response is preferred, ``prompts`` name the cluster of each, ``words``
    [n, 2] count both responses' words and ``characters`` [n, 2] their characters, ``groups`` hold words for each
    judgment by what it is to be told apart: "source", "arm", "subset". ``strength`` [n] is how clear it was, 0 to 3,
    NaN where nobody said.
    """

    p: Array
    prompts: Sequence[Hashable]
    words: Array
    characters: Array
    groups: Mapping[str, Sequence[str]]
    strength: Array

    def __len__(self) -> int:
        """How many judgments there are."""
        return len(self.p)

    @property
    def clear(self) -> Flags:
        """[n]: whether a side is preferred."""
        return np.asarray(self.p != 0.5)

    def chosen(self, which: Flags) -> "Judgments":
        """Only some of them."""
        places = np.flatnonzero(which).tolist()
        return replace(
            self,
            p=self.p[which],
            prompts=[self.prompts[place] for place in places],
            words=self.words[which],
            characters=self.characters[which],
            groups={name: [told[place] for place in places] for name, told in self.groups.items()},
            strength=self.strength[which],
        )


def of_rows(rows: Sequence[PreferenceRow], **groups: Sequence[str]) -> Judgments:
    """The judgments of a training set's rows, told apart by source and by what else is given, [n] words each."""
    strength = [float("nan") if row.strength is None else float(abs(row.strength)) for row in rows]
    return Judgments(
        p=np.array([row.p for row in rows], dtype=np.float64),
        prompts=[prompt_key(row.prompt) for row in rows],
        words=np.array([[word_count(side) for side in row.responses] for row in rows], dtype=np.float64).reshape(-1, 2),
        characters=np.array(
            [[character_count(side) for side in row.responses] for row in rows], dtype=np.float64
        ).reshape(-1, 2),
        groups={"source": [row.source for row in rows], **groups},
        strength=np.array(strength, dtype=np.float64),
    )


def prompt_key(prompt: Sequence[Message]) -> str:
    """Names a prompt by what it says."""
    return json.dumps(list(prompt), sort_keys=True, ensure_ascii=False)


def word_count(messages: Sequence[Message]) -> int:
    """How many words a response has."""
    return sum(len(WORD.findall(message["content"])) for message in messages)


def character_count(messages: Sequence[Message]) -> int:
    """How many characters a response has."""
    return sum(len(message["content"]) for message in messages)


def hits(probability: Array, p: Array) -> Array:
    """[n]: 1 where the preferred side was predicted, 0 where the other was, ½ where neither."""
    return np.asarray(np.where(probability == 0.5, 0.5, (probability > 0.5) == (p > 0.5)), dtype=np.float64)


def length_matched(judgments: Judgments, within: float = 0.10) -> Flags:
    """[n]: whether both responses are less than a share apart (of the longer one), in words and in characters.

    One measure is not enough: of real pairs with as many words, the one with more characters, because of its markup,
    was preferred four times in five.
    """
    found = np.ones(len(judgments), dtype=bool)
    for sizes in (judgments.words, judgments.characters):
        found &= np.abs(sizes[:, 0] - sizes[:, 1]) < within * np.maximum(sizes.max(axis=1), 1e-9)
    return found
