"""The style of one answer: a dozen and a half choices, drawn independently of the prompt and of one another."""

import math
import random
from dataclasses import dataclass
from typing import Literal

Register = Literal["plain", "formal", "mixed"]
Listing = Literal["none", "bullets", "numbers"]
Join = Literal["none", "and", "semicolon", "dash"]

# Shares of answers. An answer too short for all of its choices drops some, so the shares found in the text are
# lower; tests/training/starter holds the text to 5-60 %.
SHARES = {
    "address": 0.45,
    "hedge": 0.44,
    "thanks": 0.27,
    "ask": 0.42,
    "numbers": 0.38,
    "example": 0.48,
    "first_person": 0.45,
    "please": 0.30,
    "reason": 0.42,
    "warning": 0.30,
    "sequence": 0.28,
    "warm": 0.32,
    "greeting": 0.20,
    "aside": 0.16,
    "opening": 0.45,
    "contractions": 0.5,
    "emoji": 0.08,
    "bold": 0.07,
    "paragraphs": 0.30,
}
SHORTEST, LONGEST = 4, 82  # words aimed at


@dataclass(frozen=True)
class Style:
    """What the writer of one answer has decided beforehand."""

    words: int
    register: Register
    listing: Listing
    exclaiming: float  # probability that a sentence which could end with a point ends with an exclamation mark
    join: Join
    chosen: frozenset[str]  # names out of SHARES

    def has(self, choice: str) -> bool:
        """Whether `choice`, a key of SHARES, was drawn."""
        return choice in self.chosen


def draw_style(rng: random.Random) -> Style:
    """One style. Lengths are drawn evenly on a logarithmic scale, leaning to the longer half."""
    at = max(rng.random(), rng.random()) if rng.random() < 0.35 else rng.random()
    return Style(
        words=round(math.exp(math.log(SHORTEST) + at * math.log(LONGEST / SHORTEST))),
        register=rng.choices(("plain", "formal", "mixed"), (40, 36, 24))[0],
        listing=rng.choices(("none", "bullets", "numbers"), (66, 22, 12))[0],
        exclaiming=rng.choices((0.0, 0.3, 0.8), (62, 22, 16))[0],
        join=rng.choices(("none", "and", "semicolon", "dash"), (50, 22, 16, 12))[0],
        chosen=frozenset(name for name, share in SHARES.items() if rng.random() < share),
    )
