"""Simulated annotators: a taste, some noise, and a pull towards the left side, as people have."""

import random
from collections.abc import Sequence
from dataclasses import dataclass

from training.lab.tastes import Taste

SAME = 0.05  # utilities closer than this look about the same
BETTER, MUCH = 0.4, 1.2  # differences at which "slightly" becomes "better" and "much better"


@dataclass
class Annotator:
    """One simulated person. With probability `noise` the verdict is turned round; with `bias` the left side is
    taken when the two are close."""

    taste: Taste
    chance: random.Random
    noise: float = 0.1
    bias: float = 0.0

    def verdict(self, prompt: str, left: str, right: str) -> int:
        """The key that is pressed: 1 (left is much better) to 7 (right is much better)."""
        gain = self.taste(prompt, right) - self.taste(prompt, left)
        if abs(gain) < SAME:
            return 3 if self.chance.random() < self.bias else 4
        if self.chance.random() < self.noise:
            gain = -gain
        strength = 1 + (abs(gain) >= BETTER) + (abs(gain) >= MUCH)
        return 4 + strength if gain > 0 else 4 - strength

    def reason(self, key: int) -> str:
        """What this person says of a verdict: what they look at, whichever side it is that has it."""
        likes = getattr(self.taste, "__name__", "<own>").replace("_", " ")
        if not likes[0].isalpha():
            likes = "what I look at"
        if key == 4:
            return f"Both are about the same in {likes}."
        return f"It is {'much ' if key in (1, 7) else ''}better in {likes}."


def last_turn(messages: Sequence[dict[str, str]]) -> str:
    """What a taste looks at: the last turn's text."""
    return messages[-1]["content"] if messages else ""
