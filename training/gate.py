"""The gate's arithmetic: a bettor against "the candidate is no better", and one against "it is no worse".

A duel's outcome x is 1 (candidate better), ½ or 0, or the mean of those over its people. Before each outcome
is seen a stake s in (0, 2) is fixed from the outcomes before it; the wealth then grows by the factor
1 + s·(x − ½). Where the candidate is no better, E[x | past] ≤ ½, the wealth is a supermartingale that starts
at 1, and by Ville's inequality it ever reaches 1/α with a probability of at most α, however often one looks
and whatever the pairs, ties and habits of the judges (Ramdas et al., "Game-theoretic statistics and safe
anytime-valid inference", Statistical Science 2023; the test of a bounded mean by betting: Waudby-Smith and
Ramdas, "Estimating means of bounded random variables by betting", JRSS B 2024).

The stake decides how soon, never whether honestly: `StakeTable` finds by backward induction the stake that
makes a candidate which wins 65 % of duels most likely to reach 1/α within the budget, at a price per duel.
Where the hope left is not worth that price the stakes fall to the smallest, and the trial soon ends as
hopeless. It beats fixed, mixed and running-estimate stakes in simulation (EXPERIMENTS.md).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache, cached_property, lru_cache
from math import exp, log

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

DESIGN_WIN_RATE = 0.65  # the candidate that the stakes are made for
PRICE = 0.006  # of one duel, in units of a promotion
AIM = 0.1  # above ln(1/α): the last bets are bold and would else spend α to its last crumb
LOWEST, STEP = -3.0, 0.02  # the table's range and resolution of ln(wealth)
STAKES = np.arange(0.10, 1.96, 0.05)
FUTURES = 200  # drawn for a forecast


@dataclass(frozen=True)
class Rules:
    """What was settled when the trial was opened: the error level and the most duels it may cost."""

    alpha: float = 0.05
    budget: int = 120

    def __post_init__(self) -> None:
        """Refuse rules under which no honest decision is possible."""
        if not 0.0 < self.alpha < 1.0:
            raise ValueError(f"alpha is between 0 and 1, not {self.alpha}")
        if self.budget < 1:
            raise ValueError(f"the budget is at least one duel, not {self.budget}")

    @property
    def threshold(self) -> float:
        """The log of the wealth that decides."""
        return log(1.0 / self.alpha)


class Verdict(StrEnum):
    """What the evidence says now."""

    UNDECIDED = "undecided"
    BETTER = "better"
    WORSE = "worse"
    HOPELESS = "hopeless"
    SPENT = "spent"


@dataclass(frozen=True)
class StakeTable:
    """The stake for every (duels left, log wealth): int8 indices into `STAKES`, [budget + 1, grid]."""

    rules: Rules

    @cached_property
    def grid(self) -> Floats:
        """The log wealths of the table's columns."""
        return np.arange(LOWEST, self.rules.threshold + AIM + STEP, STEP)

    @cached_property
    def chosen(self) -> NDArray[np.int8]:
        """Backward induction over the duels left; a few milliseconds per hundred."""
        goal = self.rules.threshold + AIM
        reached = self.grid >= goal - 1e-9
        value = np.where(reached, 1.0, 0.0)
        table = np.zeros((self.rules.budget + 1, len(self.grid)), dtype=np.int8)
        won = self.grid + np.log1p(0.5 * STAKES)[:, None]  # [stakes, grid]
        lost = self.grid + np.log1p(-0.5 * STAKES)[:, None]
        for left in range(1, self.rules.budget + 1):
            after = DESIGN_WIN_RATE * np.interp(won, self.grid, value)
            after += (1.0 - DESIGN_WIN_RATE) * np.interp(lost, self.grid, value, left=0.0)
            table[left] = after.argmax(axis=0)
            value = np.where(reached, 1.0, np.maximum(after.max(axis=0) - PRICE, 0.0))
        return table

    def stake(self, log_wealth: Floats, left: int) -> Floats:
        """The stakes at these log wealths, of any shape, with `left` duels to go (this one included)."""
        place = np.rint((log_wealth - LOWEST) / STEP).astype(int).clip(0, len(self.grid) - 1)
        chosen = self.chosen[min(max(left, 1), self.rules.budget)][place]
        stakes: Floats = STAKES[chosen]
        return stakes


@cache
def stake_table(rules: Rules) -> StakeTable:
    """The table of these rules, made once a process."""
    return StakeTable(rules)


@dataclass(frozen=True)
class Evidence:
    """The log wealth of both bettors after `settled` duels."""

    settled: int = 0
    log_e_better: float = 0.0
    log_e_worse: float = 0.0

    def stakes(self, rules: Rules) -> tuple[float, float]:
        """Both bettors' stakes for the next duel: a function of settled outcomes only."""
        left = rules.budget - self.settled
        pair = stake_table(rules).stake(np.array([self.log_e_better, self.log_e_worse]), left)
        return float(pair[0]), float(pair[1])

    def after(self, outcome: float, stakes: tuple[float, float]) -> "Evidence":
        """The evidence once one more duel, bet on with `stakes`, came out so."""
        if not 0.0 <= outcome <= 1.0:
            raise ValueError(f"an outcome is between 0 and 1, not {outcome}")
        return Evidence(
            settled=self.settled + 1,
            log_e_better=self.log_e_better + log(1.0 + stakes[0] * (outcome - 0.5)),
            log_e_worse=self.log_e_worse + log(1.0 - stakes[1] * (outcome - 0.5)),
        )


def verdict(evidence: Evidence, rules: Rules) -> Verdict:
    """What follows from the evidence. Better comes first, so that a decision reached is never lost."""
    if evidence.log_e_better >= rules.threshold:
        return Verdict.BETTER
    if evidence.log_e_worse >= rules.threshold:
        return Verdict.WORSE
    left = rules.budget - evidence.settled
    if left <= 0:
        return Verdict.SPENT
    best = best_possible(np.array([evidence.log_e_better]), left, rules)
    return Verdict.UNDECIDED if best[0] >= rules.threshold else Verdict.HOPELESS


def best_possible(log_wealth: Floats, left: int, rules: Rules) -> Floats:
    """The highest log wealth on the way when the candidate wins every duel that is left."""
    wealth, highest, table = log_wealth, log_wealth, stake_table(rules)
    for still in range(left, 0, -1):
        wealth = wealth + np.log1p(0.5 * table.stake(wealth, still))
        highest = np.maximum(highest, wealth)
        if (highest >= rules.threshold).all():
            break
    return highest


@dataclass(frozen=True)
class Decisions:
    """Many trials, each looked at after every duel: what was decided [runs] and after how many."""

    verdicts: NDArray[np.str_]
    duels: NDArray[np.int64]

    def share(self, what: Verdict) -> float:
        """The share of trials that ended so."""
        return float(np.mean(self.verdicts == what.value))


def decide_many(outcomes: Floats, rules: Rules, start: Evidence | None = None) -> Decisions:
    """Run the gate over outcomes [runs, duels] from `start` on, with the bets that one trial makes."""
    begin = start or Evidence()
    runs, duels = outcomes.shape
    table = stake_table(rules)
    better, worse = np.full(runs, begin.log_e_better), np.full(runs, begin.log_e_worse)
    verdicts = np.full(runs, Verdict.UNDECIDED.value, dtype="<U9")
    ended = np.full(runs, duels)
    for number in range(duels):
        left = rules.budget - begin.settled - number
        excess = outcomes[:, number] - 0.5
        better = better + np.log1p(table.stake(better, left) * excess)
        worse = worse + np.log1p(-table.stake(worse, left) * excess)
        found = _found(better, worse, left - 1, rules)
        new = (verdicts == Verdict.UNDECIDED.value) & (found != Verdict.UNDECIDED.value)
        verdicts[new], ended[new] = found[new], number + 1
    return Decisions(verdicts, ended)


def _found(better: Floats, worse: Floats, left: int, rules: Rules) -> NDArray[np.str_]:
    """`verdict` for arrays."""
    hopeless = best_possible(better, left, rules) < rules.threshold if left > 0 else np.zeros(len(better), dtype=bool)
    found: NDArray[np.str_] = np.select(
        [better >= rules.threshold, worse >= rules.threshold, np.full(len(better), left <= 0), hopeless],
        [Verdict.BETTER.value, Verdict.WORSE.value, Verdict.SPENT.value, Verdict.HOPELESS.value],
        Verdict.UNDECIDED.value,
    )
    return found


@dataclass(frozen=True)
class Forecast:
    """About how many duels a decision still needs if the rest goes like the past, and how it may end."""

    duels: int
    low: int
    high: int
    promoted: float

    @property
    def sentence(self) -> str:
        """For people: never more exact than it is."""
        return f"about {self.duels} more duels (most likely {self.low} to {self.high})"


def forecast(outcomes: Sequence[float], rules: Rules, evidence: Evidence) -> Forecast:
    """Draw futures from the outcomes so far and one win, tie and loss more; the same for the same past."""
    return _forecast(tuple(outcomes), rules, evidence)


@lru_cache(maxsize=256)  # a page that is looked at many times between two duels draws its futures once
def _forecast(outcomes: tuple[float, ...], rules: Rules, evidence: Evidence) -> Forecast:
    left = rules.budget - evidence.settled
    if left <= 0 or verdict(evidence, rules) is not Verdict.UNDECIDED:
        return Forecast(0, 0, 0, float(evidence.log_e_better >= rules.threshold))
    past = np.array([*outcomes, 1.0, 0.5, 0.0])
    draw = np.random.default_rng(evidence.settled).choice(past, size=(FUTURES, left))
    ended = decide_many(draw, rules, evidence)
    low, middle, high = np.quantile(ended.duels, [0.1, 0.5, 0.9], method="nearest")
    return Forecast(int(middle), int(low), int(high), ended.share(Verdict.BETTER))


def e_value(log_wealth: float) -> float:
    """For people: the wealth itself, capped where nobody reads on."""
    return exp(min(log_wealth, 20.0))
