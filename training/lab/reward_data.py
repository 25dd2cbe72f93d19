"""Simulated data for each kind of reward method, all from one taste: the starter's own answers, labelled as simulated.

The noise is the same share everywhere: of verdicts and demonstrations turned round, of rankings' neighbours swapped, of
ratings replaced by any level, of marks flipped.
"""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from training.lab.annotators import Annotator
from training.lab.simulated import judged
from training.lab.tastes import Taste, words
from training.learning.rows import PreferenceRow

EACH = 4  # answers to a prompt: of a ranking, and to choose a demonstration from
LEVELS = 4  # ratings go from 0 to this


@dataclass(frozen=True)
class Answered:
    """A prompt and the policy's answers to it."""

    prompt: str
    texts: tuple[str, ...]


@dataclass
class People:
    """Who labels: a taste, another one for a second criterion, and noise."""

    taste: Taste
    second: Taste
    names: tuple[str, str]
    noise: float
    chance: random.Random

    def slips(self) -> bool:
        """Whether this label is wrong."""
        return self.chance.random() < self.noise


def pairs(people: People, answered: Sequence[Answered], labels: int) -> list[PreferenceRow]:
    """One judgment of the first two answers to each prompt."""
    judge = Annotator(people.taste, people.chance, people.noise)
    return [
        judged(judge, one.prompt, one.texts[0], one.texts[1], number) for number, one in enumerate(answered[:labels])
    ]


def rankings(people: People, answered: Sequence[Answered], labels: int) -> list[PreferenceRow]:
    """Orders of four answers, each told as its six pairs; neighbours may be swapped."""
    rows: list[PreferenceRow] = []
    for one in answered[: max(1, labels * 2 // (EACH * (EACH - 1)))]:
        order = sorted(dict.fromkeys(one.texts), key=lambda text: -people.taste(one.prompt, text))
        for place in range(len(order) - 1):
            if people.slips():
                order[place : place + 2] = reversed(order[place : place + 2])
        for place, best in enumerate(order):
            rows += [certain(one.prompt, best, worse, len(rows)) for worse in order[place + 1 :]]
    return rows


def certain(prompt: str, first: str, second: str, number: int) -> PreferenceRow:
    """A row whose first response is preferred."""
    plain = judged(Annotator(lambda *_: 0.0, random.Random(0)), prompt, first, second, number)  # noqa: S311
    return replace(plain, p=1.0, strength=None, rationale="")


def ratings(people: People, answered: Sequence[Answered], labels: int) -> list[PreferenceRow]:
    """Judged pairs whose answers are rated too: by the taste in five levels, and by how long they are."""
    rows = pairs(people, answered, labels)
    gold = np.array([[people.taste(one.prompt, text) for text in one.texts[:2]] for one in answered[:labels]])
    levels = np.clip(np.rint(LEVELS / 2 + (gold - gold.mean()) / (gold.std() or 1.0)), 0, LEVELS)

    def rated(level: float, text: str) -> dict[str, float]:
        slip = float(people.chance.randint(0, LEVELS))
        long = float(min(LEVELS, len(words(text)) // 15))
        return {"helpfulness": slip if people.slips() else float(level), "verbosity": long}

    return [
        replace(row, ratings=(rated(both[0], one.texts[0]), rated(both[1], one.texts[1])))
        for row, one, both in zip(rows, answered, levels, strict=False)
    ]


def steps(people: People, answered: Sequence[Answered], labels: int) -> list[PreferenceRow]:
    """Judged pairs whose lines are marked: right where the taste likes the line more than the typical one."""
    rows = pairs(people, answered, labels)
    told = [[_lines(text) for text in one.texts[:2]] for one in answered[:labels]]
    typical = float(
        np.median(
            [
                people.taste(one.prompt, line)
                for one, both in zip(answered, told, strict=False)
                for side in both
                for line in side
            ]
        )
    )

    def marks(prompt: str, side: list[str]) -> list[float]:
        return [float((people.taste(prompt, line) > typical) != people.slips()) for line in side]

    return [
        replace(row, steps=(marks(one.prompt, both[0]), marks(one.prompt, both[1])))
        for row, one, both in zip(rows, answered, told, strict=False)
    ]


def _lines(text: str) -> list[str]:
    return [line for line in text.split("\n") if line.strip()]


def criteria(people: People, answered: Sequence[Answered], labels: int) -> list[PreferenceRow]:
    """Every pair judged twice, by two tastes under their names: where they disagree it is a reversal."""
    judges = [Annotator(taste, people.chance, people.noise) for taste in (people.taste, people.second)]
    return [
        replace(
            judged(judge, one.prompt, one.texts[0], one.texts[1], 2 * number + place), criterion=people.names[place]
        )
        for number, one in enumerate(answered[: max(1, labels // 2)])
        for place, judge in enumerate(judges)
    ]


def demonstrations(people: People, answered: Sequence[Answered], labels: int) -> list[PreferenceRow]:
    """The best of four answers by the taste as the demonstration, beside another of them."""
    rows = []
    for number, one in enumerate(answered[:labels]):
        best = max(one.texts, key=lambda text: people.taste(one.prompt, text))
        other = people.chance.choice([text for text in one.texts if text != best] or [best])
        shown = (other, best) if people.slips() else (best, other)
        rows.append(replace(certain(one.prompt, *shown, number), kind="demonstration"))
    return rows


MAKERS: dict[str, Callable[[People, Sequence[Answered], int], list[PreferenceRow]]] = {
    "pairs": pairs,
    "rankings": rankings,
    "ratings": ratings,
    "steps": steps,
    "criteria": criteria,
    "demonstrations": demonstrations,
}


def clean(people: People, answered: Sequence[Answered], kind: str) -> list[PreferenceRow]:
    """Held-out judgments without noise, of pairs that the taste tells apart; by both criteria where there are two."""
    honest = replace(people, noise=0.0)
    made = criteria(honest, answered, 2 * len(answered)) if kind == "criteria" else pairs(honest, answered, 2**31)
    return [row for row in made if row.p != 0.5]
