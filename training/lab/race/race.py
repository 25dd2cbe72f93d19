"""The sitting: Heed, a bare loop and TRL in turn, each lap a process of its own, and the rows that come of it."""

import os
import statistics
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from alignment_site.patience import PATIENT
from training.lab.race.lap import Found, Lap, What
from training.lab.race.material import make_material
from training.learning.devices import cpu_capability

CHECKOUT = Path(__file__).resolve().parents[3]
TRL_SIDE = Path(__file__).with_name("trl_side.py")
BATCHES = (8, 16, 32)  # among which each side's best is looked for
BUDGETS = (2048, 4096, 8192)  # of padded tokens, which are Heed's own
SEEDS = 3  # over which the final losses of bf16 and fp32 are compared
LAP_SECONDS = 1800


class RaceFailed(RuntimeError):
    """A lap did not end as it should; the message holds its last lines."""


@dataclass(frozen=True)
class Row:
    """One line of the result. ``ok`` is None where the bar does not apply to this machine."""

    name: str
    heed: float
    peer: float
    ratio: float
    bar: float
    ok: bool | None


def row(name: str, heed: float, peer: float, bar: float, *, less: bool = False, applies: bool = True) -> Row:
    """Heed's figure over the peer's against a bar; with ``less`` the peer's over Heed's, where less is better."""
    ratio = peer / heed if less else heed / peer
    return Row(name, round(heed, 3), round(peer, 3), round(ratio, 3), bar, ratio >= bar if applies else None)


@dataclass
class Race:
    """One sitting on one machine. ``peer`` is a Python that has TRL."""

    directory: Path
    peer: Path
    pairs: int = 320
    repeats: int = 1
    threads: int = 2
    say: Callable[[str], None] = lambda text: None
    found: dict[tuple[str, Lap], list[Found]] = field(default_factory=dict)

    def run(self) -> list[Row]:
        """All laps, in turn, then the rows. Raises RaceFailed when a lap does."""
        material = make_material(self.directory, pairs=self.pairs)
        start = Lap("dpo", str(material.directory), self.pairs, threads=self.threads)
        half = replace(start, dtype="bfloat16")
        self._drive("heed", (*ours(start), *other_batches(start), *ours(half)))
        self._drive("bare", [replace(start, what=what) for what in BOTH])
        self._drive("trl", (*trl_dpo(start), *trl_reward(start), *trl_dpo(half), *trl_reward(half)))
        return [*self._full_precision(start), *self._half_precision(start, half)]

    def _full_precision(self, start: Lap) -> list[Row]:
        reward = replace(start, what="reward")
        dpo, score = self.best("heed", budgets(start)), self.best("heed", budgets(reward))
        online, *before = trl_dpo(start)
        plain, grouped = trl_reward(start)
        any_batch = [*budgets(start), *other_batches(start)]
        cold = max(self.middle("heed", lap).cold for lap in any_batch)
        fastest = self.best("heed", any_batch)
        theirs = max(self.middle("trl", lap).cold for lap in (online, *before))
        return [
            row("DPO fp32, pairs/s; TRL runs the reference in every step", dpo, self.best("trl", [online]), 4.0),
            row(
                "DPO fp32, pairs/s, each at its best batch; TRL knows the reference",
                fastest,
                self.best("trl", before),
                3.0,
            ),
            row("DPO fp32, one cold epoch, pairs/s, each at its fastest; TRL", cold, theirs, 3.0),
            row("reward model fp32, pairs/s; TRL", score, self.best("trl", [plain]), 2.0),
            row("reward model fp32, pairs/s; TRL grouped by length", score, self.best("trl", [grouped]), 1.5),
            row("DPO fp32, pairs/s; a bare loop", dpo, self.best("bare", [start]), 0.9),
            row("reward model fp32, pairs/s; a bare loop", score, self.best("bare", [reward]), 0.9),
            self._memory("DPO", start, replace(start, reference="before")),
            self._memory("reward model", reward, plain),
        ]

    def _memory(self, name: str, mine: Lap, theirs: Lap) -> Row:
        heed, trl = self.middle("heed", mine).memory, self.middle("trl", theirs).memory
        return row(f"{name} fp32, peak memory, MiB; TRL", heed, trl, 1.0, less=True)

    def _half_precision(self, start: Lap, half: Lap) -> list[Row]:
        here = cpu_capability() == "amx"
        rows = []
        for what, name, bar, theirs in HALF_BARS:
            full, fast = (self.best("heed", budgets(replace(lap, what=what))) for lap in (start, half))
            rows.append(row(f"{name} bf16, pairs/s; Heed's fp32", fast, full, 1.75, applies=here))
            peer = self.best("trl", theirs(half))
            rows.append(row(f"{name} bf16, pairs/s; TRL's best bf16", fast, peer, bar, applies=here))
            rows.append(self._final_loss(name, replace(start, what=what), replace(half, what=what)))
        return rows

    def _final_loss(self, name: str, full: Lap, half: Lap) -> Row:
        """How close the losses come, as 1 - |difference| / fp32's, over the seeds."""
        seeds = [[replace(lap, seed=seed) for seed in range(SEEDS)] for lap in (half, full)]
        self._drive("heed", [lap for laps in seeds for lap in laps if ("heed", lap) not in self.found])
        fast, exact = (statistics.mean(self.middle("heed", lap).loss for lap in laps) for laps in seeds)
        close = 1.0 - abs(fast - exact) / exact
        label = f"{name} final loss, bf16; fp32 (ratio: 1 - relative difference)"
        return Row(label, round(fast, 4), round(exact, 4), round(close, 4), 0.99, close >= 0.99)

    def best(self, side: str, laps: Sequence[Lap]) -> float:
        """The fastest of several settings, pairs a second."""
        return max(self.middle(side, lap).steady for lap in laps)

    def middle(self, side: str, lap: Lap) -> Found:
        """The lap of median speed among its repeats."""
        return sorted(self.found[side, lap], key=lambda one: one.steady)[len(self.found[side, lap]) // 2]

    def _drive(self, side: str, laps: Sequence[Lap]) -> None:
        for _ in range(self.repeats):
            for lap in laps:
                one = self._lap(side, lap)
                self.say(f"{side}: {lap.to_json()} {one}")
                self.found.setdefault((side, lap), []).append(one)

    def _lap(self, side: str, lap: Lap) -> Found:
        own = [sys.executable, "-m", f"training.lab.race.{side}_side"]
        command = [*([str(self.peer), str(TRL_SIDE)] if side == "trl" else own), lap.to_json()]
        quiet = {"OMP_NUM_THREADS": str(lap.threads), "HF_HUB_OFFLINE": "1"}
        try:
            done = subprocess.run(
                command,
                cwd=self.directory if side == "trl" else CHECKOUT,
                env={**os.environ, **PATIENT, **quiet},
                capture_output=True,
                text=True,
                timeout=LAP_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise RaceFailed(f"{side} was still at {lap.to_json()} after {LAP_SECONDS / 60:.0f} minutes") from error
        try:
            return Found.read(done.stdout.strip().rpartition("\n")[2])
        except (ValueError, TypeError) as error:
            told = done.stderr.strip()[-2000:] or done.stdout[-2000:]
            raise RaceFailed(f"{side} did not finish {lap.to_json()}: {told}") from error


def budgets(lap: Lap) -> list[Lap]:
    """Heed's settings to choose from."""
    return [replace(lap, token_budget=size) for size in BUDGETS]


def ours(lap: Lap) -> list[Lap]:
    """Everything that Heed drives in one precision."""
    return [one for what in BOTH for one in budgets(replace(lap, what=what))]


def other_batches(lap: Lap) -> list[Lap]:
    """Heed at the other batch sizes that TRL is tried at."""
    return [one for batch in BATCHES if batch != lap.batch for one in budgets(replace(lap, batch=batch))]


def trl_dpo(lap: Lap) -> list[Lap]:
    """TRL's default, which runs the reference in every step; then the reference computed before, by batch size."""
    return [replace(lap, reference="online"), *(replace(lap, reference="before", batch=size) for size in BATCHES)]


def trl_reward(lap: Lap) -> list[Lap]:
    """TRL's reward trainer as it is, and with its grouping by length made to work."""
    return [replace(lap, what="reward"), replace(lap, what="reward", grouped=True)]


# What is trained, its name, the bar against TRL's best in bf16, and TRL's settings to choose from.
HALF_BARS: tuple[tuple[What, str, float, Callable[[Lap], list[Lap]]], ...] = (
    ("dpo", "DPO", 4.0, trl_dpo),
    ("reward", "reward model", 2.0, trl_reward),
)
BOTH: tuple[What, ...] = ("dpo", "reward")
