"""`bench refit`: what a refit costs after 1 % new judgments, beside the same one with nothing known.

Everything is real: the starter policy's own answers, a simulated person's judgments of them, and the jobs that a run
executes. The peer of each row is the cold refit; both end with the same weights, or the row is not in order.
"""

import random
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np

from training.lab.annotators import Annotator
from training.lab.simulated import answers, judged
from training.lab.tastes import TASTES
from training.learning.cache import LogprobCache
from training.learning.devices import Compute, configure, resolve
from training.learning.job import Job
from training.learning.jobs import run_job
from training.learning.models import load_policy, model_digest, save_policy
from training.learning.objectives.training import Material, preference_training
from training.learning.optimise import optimise
from training.learning.recipes import RewardRecipe, SamplerSettings, starter_dpo, starter_reward
from training.learning.rewards.ensemble import RewardEnsemble
from training.learning.rewards.keeping import keep_back
from training.learning.rows import PreferenceRow
from training.learning.starter.prompts import training_prompts

Array = np.ndarray[Any, np.dtype[np.float64]]
HEAD, BACKBONE, STEPS = 0.15, 0.80, 0.15  # the bars
NEW = 0.01
SETTINGS = SamplerSettings(temperature=1.0, max_new_tokens=96)


@dataclass(frozen=True)
class Row:
    """One line of the table. ``ratio`` is ``heed / peer``."""

    name: str
    heed: float
    peer: float
    ratio: float
    bar: str
    ok: bool


def rows_of(judgments: int, seed: int = 0, noise: float = 0.1) -> list[PreferenceRow]:
    """So many judgments, each of a prompt of its own, by one simulated person."""
    policy, prompts = load_policy("starter"), training_prompts(judgments, seed=seed + 1)
    person = Annotator(TASTES["warmth"], random.Random(seed), noise=noise)  # noqa: S311
    drawn = answers(policy, prompts, SETTINGS, each=2, seed=seed)
    made = zip(prompts, drawn, count(), strict=False)
    return [judged(person, prompt, mine[0].text, mine[1].text, number) for prompt, mine, number in made]


@dataclass
class Bench:
    """The judgments, how this machine computes, and a place for jobs and caches."""

    rows: list[PreferenceRow]
    place: Path
    compute: Compute
    rounds: int

    @property
    def before(self) -> list[PreferenceRow]:
        """What the run before has learned from: all but the newest 1 %."""
        return self.rows[: len(self.rows) - max(1, round(NEW * len(self.rows)))]

    @property
    def new_responses(self) -> int:
        """How many responses the run before has not seen."""
        seen, all_of_them = ({repr((r.prompt, side)) for r in rows for side in r.responses} for rows in self._both)
        return len(all_of_them - seen)

    @property
    def _both(self) -> tuple[list[PreferenceRow], list[PreferenceRow]]:
        return self.before, self.rows

    def reward(self, name: str, recipe: RewardRecipe, rows: Sequence[PreferenceRow], **more: Any) -> dict[str, Any]:
        """One reward job; its result and how long it took."""
        folder = self.place / name
        job = Job("reward", "starter", recipe.to_json(), compute=self.compute.to_json(), **more)
        job.write(folder, list(rows))
        began = time.perf_counter()
        result = run_job(folder, lambda *told: None, lambda: False)
        return {**result, "seconds": time.perf_counter() - began, "folder": folder}

    def policy(self, name: str, rows: Sequence[PreferenceRow], cache: Path) -> dict[str, Any]:
        """One training of the policy on people's pairs, as a round of a policy run does it."""
        began = time.perf_counter()
        recipe = starter_dpo()
        policy, incumbent = load_policy("starter"), load_policy("starter")
        known = LogprobCache(cache, model_digest(incumbent.directory), dtype=self.compute.dtype)
        training = preference_training(
            Material(policy, rows, recipe, recipe.optim, reference=incumbent, cache=known, compute=self.compute)
        )
        optimise(policy.model, training.steps, training.loss, recipe.optim, directory=self.place / name)
        seconds = time.perf_counter() - began
        digest = save_policy(policy, self.place / f"{name}-model", "")
        return {"seconds": seconds, "digest": digest, "passes": {"reference": known.tally.to_json()}}


Refit = Callable[[str, Sequence[PreferenceRow], Path], dict[str, Any]]


def compared(bench: Bench, name: str, kind: str, most: float, refit: Refit) -> list[Row]:
    """A refit after 1 % new judgments and a cold one, in turn: seconds, weights and what was computed."""
    warm: list[float] = []
    cold: list[float] = []
    same, computed = True, 0
    for number in range(bench.rounds):
        shared, empty = (bench.place / f"{name}-{side}-{number}" for side in ("known", "empty"))
        refit(f"{name}-before-{number}", bench.before, shared)
        ours = refit(f"{name}-warm-{number}", bench.rows, shared)
        theirs = refit(f"{name}-cold-{number}", bench.rows, empty)
        warm.append(ours["seconds"])
        cold.append(theirs["seconds"])
        same = same and ours["digest"] == theirs["digest"]
        computed = max(computed, ours["passes"][kind]["computed"])
    heed, peer = statistics.median(warm), statistics.median(cold)
    told = "the same weights" if same else "other weights"
    new = bench.new_responses
    return [
        _row(f"{name}: seconds, {told}", heed, peer, f"<= {most}", same and heed <= most * peer),
        _row(f"{name}: responses computed, and new ones", computed, new, "<= 1", computed <= new),
    ]


def _row(name: str, heed: float, peer: float, bar: str, ok: bool) -> Row:
    return Row(name, round(heed, 4), round(peer, 4), round(heed / peer, 4) if peer else 0.0, bar, ok)


def warm_started(bench: Bench, fresh: Sequence[PreferenceRow]) -> list[Row]:
    """A warm start against the cold refit on the same judgments: steps, and log loss on judgments of other prompts."""
    recipe = starter_reward()
    first = bench.reward("start", recipe, bench.before)
    cold = bench.reward("start-cold", recipe, bench.rows)
    more = {"warm": str(first["folder"] / "model"), "learned": str(first["folder"] / "snapshot.jsonl")}
    warm = bench.reward("start-warm", replace(recipe, method="warm_start"), bench.rows, **more)
    ours, theirs = (_losses(result["folder"], fresh) for result in (warm, cold))
    gap = ours - theirs
    error = 1.96 * float(gap.std(ddof=1)) / len(gap) ** 0.5
    within = float(gap.mean()) <= error  # no worse than chance would have it; better is no fault
    steps, full = _steps(warm["began"]), _cold_steps(recipe, keep_back(bench.rows)[0])
    return [
        _row("warm start: steps", steps, full, f"<= {STEPS}", steps <= STEPS * full),
        _row(
            f"warm start: log loss of {len(gap)} held-out judgments, paired difference {gap.mean():+.4f} ± {error:.4f}",
            float(ours.mean()),
            float(theirs.mean()),
            "difference within its 95 % interval",
            within,
        ),
    ]


def _losses(folder: Path, rows: Sequence[PreferenceRow]) -> Array:
    p = np.array([row.p for row in rows])
    q = np.clip(RewardEnsemble.load(folder / "model").judged(list(rows)), 1e-9, 1.0 - 1e-9)
    losses: Array = -(p * np.log(q) + (1.0 - p) * np.log1p(-q))
    return losses


def _steps(began: str) -> int:
    return int(began.split()[1])


def _cold_steps(recipe: RewardRecipe, rows: Sequence[PreferenceRow]) -> int:
    places = max(1, round(len(rows) * recipe.optim.num_train_epochs))
    return -(-places // recipe.optim.batch_size)


def measure(*, judgments: int, rounds: int, held_out: int) -> dict[str, Any]:
    """All rows of the table. Takes minutes."""
    compute = resolve()
    configure(compute)
    made = rows_of(judgments + held_out)
    one_epoch = starter_reward()
    one_epoch = replace(one_epoch, optim=replace(one_epoch.optim, num_train_epochs=1.0))
    with tempfile.TemporaryDirectory() as place:
        bench = Bench(made[:judgments], Path(place), compute, rounds)

        def reward(recipe: RewardRecipe) -> Refit:
            return lambda name, rows, cache: bench.reward(name, recipe, rows, cache=str(cache))

        rows = [
            *compared(bench, "head-only refit", "states", HEAD, reward(replace(one_epoch, train="head"))),
            *compared(bench, "policy refit", "reference", BACKBONE, bench.policy),
            *compared(bench, "backbone refit", "states", BACKBONE, reward(one_epoch)),
            *warm_started(bench, made[judgments:]),
        ]
    return {"rows": [asdict(row) for row in rows], "judgments": judgments, "compute": compute.to_json()}
