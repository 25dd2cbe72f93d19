"""Reward code by rounds: written, shown by what it picks, chosen best and worst, written again.

Yu et al. 2024, "In-Context Preference Learning", arXiv:2410.17233: K reward functions; what each makes the policy do is
shown; a person names the best and the worst; both, their differences and the traces of their parts go back into the
prompt. There a policy is trained by each function and filmed; here each function picks the best of n responses that
are there already, which is that policy's limit without training. The best so far stands among the candidates of every
round, so that a bad round loses nothing.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .code import Program
from .declared import measured

Array = NDArray[np.float64]
Write = Callable[["Rounds", int], Program]  # (so far, which candidate) → code; raises ValueError when there is none


@dataclass(frozen=True)
class Pool:
    """A prompt and the responses that reward code picks from."""

    prompt: str
    responses: tuple[str, ...]

    def __post_init__(self) -> None:
        """A pool without a choice shows nothing."""
        if len(self.responses) < 2:
            raise ValueError("a pool holds at least two responses to pick from")

    @cached_property
    def features(self) -> list[Mapping[str, float]]:
        """Of each response."""
        return measured([(self.prompt, response) for response in self.responses])


@dataclass(frozen=True)
class Shown:
    """A candidate and what people look at to judge it: its pick (a place) in each pool."""

    program: Program
    picks: tuple[int, ...]


@dataclass(frozen=True)
class Round:
    """The sources of a round's candidates, which was chosen best and worst, and how many could not be written."""

    sources: tuple[str, ...]
    best: int
    worst: int
    unusable: int = 0

    def __post_init__(self) -> None:
        """Refuse a choice that was not there."""
        if not (0 <= self.best < len(self.sources) and 0 <= self.worst < len(self.sources)):
            raise ValueError(f"best and worst are two of the {len(self.sources)} candidates")
        if self.best == self.worst and len(self.sources) > 1:
            raise ValueError("the best and the worst are two different candidates")


@dataclass(frozen=True)
class Rounds:
    """What happened so far. Plain JSON, so that a person's choice may come days later."""

    pools: tuple[Pool, ...]
    done: tuple[Round, ...] = ()

    @property
    def best(self) -> Program | None:
        """The best code so far."""
        return Program.read(self.done[-1].sources[self.done[-1].best]) if self.done else None

    def propose(self, write: Write, count: int) -> list[Shown]:
        """The best so far and ``count`` new candidates with their picks. One that cannot be written, that has no value
        somewhere, or that picks just what another picks is left out. Raises ValueError where fewer than two remain."""
        found: list[Shown] = [self.show(self.best)] if self.best else []
        why = "none was written"
        for number in range(count):
            try:
                shown = self.show(write(self, number))
            except ValueError as error:
                why = str(error)
                continue
            if all(shown.picks != other.picks for other in found):
                found.append(shown)
        if len(found) < 2 and not self.done:
            raise ValueError(f"no two usable reward functions that differ in what they pick: {why}")
        return found

    def show(self, program: Program) -> Shown:
        """What a program picks. Raises NoValue (a ValueError) where it has no value."""
        return Shown(program, tuple(int(np.argmax(program.rewards(pool.features))) for pool in self.pools))

    def take(self, shown: Sequence[Shown], best: int, worst: int, unusable: int = 0) -> "Rounds":
        """The rounds after a person's choice among what was shown."""
        made = Round(tuple(one.program.source for one in shown), best, worst, unusable)
        return replace(self, done=(*self.done, made))

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "Rounds":
        """Read ``to_json`` back; code that is not of the language is refused (ValueError)."""
        pools = tuple(Pool(str(pool["prompt"]), tuple(map(str, pool["responses"]))) for pool in data["pools"])
        done = tuple(
            Round(tuple(one["sources"]), int(one["best"]), int(one["worst"]), int(one.get("unusable", 0)))
            for one in data["done"]
        )
        for made in done:
            for source in made.sources:
                Program.read(source)
        return cls(pools, done)


def feedback(rounds: Rounds) -> str:
    """What the last choice says to the one who writes: both codes, the means of their parts over what the best
    picked, the worst picked and all, and the features in which the two sets of picks differ most."""
    if not rounds.done:
        return ""
    last = rounds.done[-1]
    best, worst = (rounds.show(Program.read(last.sources[place])) for place in (last.best, last.worst))
    return (
        f"The candidate found BEST:\n```\n{best.program.source}\n```\n{_traces(rounds, best, best, worst)}\n\n"
        f"The candidate found WORST:\n```\n{worst.program.source}\n```\n{_traces(rounds, worst, best, worst)}\n\n"
        f"What the best picked differs from what the worst picked most in:\n{_differences(rounds, best, worst)}"
    )


def _traces(rounds: Rounds, of: Shown, best: Shown, worst: Shown) -> str:
    """The mean of every step of one program over the best's picks, the worst's and all responses."""
    every = [row for pool in rounds.pools for row in pool.features]
    columns = {"best's picks": _picked(rounds, best), "worst's picks": _picked(rounds, worst), "all responses": every}
    lines = []
    for name, _ in of.program.steps:
        means = (
            f"{np.mean([of.program.trace(row)[name] for row in rows]):.3g} on {what}" for what, rows in columns.items()
        )
        lines.append(f"mean of {name}: {', '.join(means)}")
    return "\n".join(lines)


def _picked(rounds: Rounds, shown: Shown) -> list[Mapping[str, float]]:
    return [pool.features[place] for pool, place in zip(rounds.pools, shown.picks, strict=True)]


def _differences(rounds: Rounds, best: Shown, worst: Shown, most: int = 6) -> str:
    """The features in which the picks differ most, in standard deviations over all responses."""
    every = [row for pool in rounds.pools for row in pool.features]
    ours, theirs = _picked(rounds, best), _picked(rounds, worst)
    lines: list[tuple[float, str]] = []
    for name in every[0]:
        spread = float(np.std([row[name] for row in every])) or 1.0
        means = [float(np.mean([row[name] for row in rows])) for rows in (ours, theirs)]
        lines.append((abs(means[0] - means[1]) / spread, f"{name}: {means[0]:.3g} against {means[1]:.3g}"))
    told = [text for far, text in sorted(lines, reverse=True)[:most] if far > 0]
    return "\n".join(told) or "nothing: they picked responses alike in every feature"
