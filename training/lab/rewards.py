"""`lab rewards`: every reward method on simulated data of one taste, measured on clean held-out pairs."""

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from math import prod
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from safetensors import safe_open

from training.lab.ledger import Ledger
from training.lab.measuring import asked
from training.lab.reward_data import EACH, MAKERS, Answered, People, clean
from training.lab.simulated import answers, said
from training.lab.tastes import TASTES, load_taste
from training.learning.catalogue import METHODS
from training.learning.devices import resolve
from training.learning.evaluation.intervals import Estimate
from training.learning.evaluation.policy import win_rate
from training.learning.evaluation.reward import accuracy, evaluate
from training.learning.job import Job
from training.learning.judges import ChatClient
from training.learning.models import find_model, load_policy
from training.learning.recipes import RewardRecipe, SamplerSettings, starter_reward
from training.learning.reward_job import train_reward
from training.learning.rewards.baselines import bag_of_words, length_only
from training.learning.rewards.ensemble import RewardEnsemble
from training.learning.rewards.methods import REWARD_METHODS
from training.learning.rewards.needs import SET_JUDGE
from training.learning.rows import PreferenceRow
from training.learning.starter.prompts import held_out_prompts, training_prompts

RANKED = ("plackett_luce_pessimism",)  # learns from pairs, and most from pairs that make rankings
HELD_OUT_SEED = 10_007
Rows = tuple[list[PreferenceRow], list[PreferenceRow]]  # to learn from, and to measure on


@dataclass(frozen=True)
class Plan:
    """What `lab rewards` was asked to do. ``second`` is the other criterion's taste."""

    taste: str
    second: str = ""
    labels: int = 300
    noise: float = 0.1
    seed: int = 0
    prompts: int = 200
    policy: str = "starter"

    def __post_init__(self) -> None:
        """Refuse a plan that has no meaning, in words."""
        load_taste(self.taste)
        load_taste(self.other)
        if self.labels < 20:
            raise ValueError(f"a training takes at least 20 labels, not {self.labels}")
        if not 0.0 <= self.noise <= 1.0:
            raise ValueError(f"noise is a share of labels that are wrong, not {self.noise}")

    @property
    def other(self) -> str:
        """The second taste: what was asked for, or a built-in one that is not the first."""
        return self.second or next(name for name in TASTES if name != self.taste)


def recipes(keys: Sequence[str] = (), *, judge: bool = False) -> dict[str, dict[str, Any]]:
    """What choosing each of these methods sets; without names, every one that asks no judge.

    Raises ValueError for one that there is not, or that asks a judge where none is set.
    """
    listed = {m.key: dict(m.recipe) for m in METHODS if m.kind in ("reward", "reward_check") and m.recipe}
    known = {**{key: {"method": key} for key in REWARD_METHODS}, **listed}
    asking = {key for key, recipe in known.items() if REWARD_METHODS[_named(recipe)].judge}
    if unknown := [key for key in keys if key not in known]:
        raise ValueError(f"there is no reward method {unknown[0]!r} for the lab; there are {', '.join(sorted(known))}")
    if not judge and (unasked := [key for key in keys if key in asking]):
        raise ValueError(f"{unasked[0]} asks a language model, and none is set: {SET_JUDGE}")
    return {key: known[key] for key in keys or sorted(set(known) - asking, key=list(known).index)}


def _named(recipe: Any) -> str:
    return str(recipe.get("method", "davidson"))


class Ground:
    """The policy's answers and what people said of them: made once, for all methods."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        policy, settings = load_policy(plan.policy), SamplerSettings(max_new_tokens=96)
        self.training, self.held_out = (
            [
                Answered(prompt, tuple(made.text for made in drawn))
                for prompt, drawn in zip(prompts, answers(policy, prompts, settings, each=each, seed=seed), strict=True)
            ]
            for prompts, each, seed in (
                (training_prompts(plan.labels, seed=plan.seed), EACH, plan.seed),
                (held_out_prompts(plan.prompts, seed=HELD_OUT_SEED), EACH, HELD_OUT_SEED),
            )
        )

    def rows(self, kind: str) -> Rows:
        """Noisy rows to learn from and clean ones to measure on."""
        plan = self.plan
        people = People(
            load_taste(plan.taste),
            load_taste(plan.other),
            (plan.taste, plan.other),
            plan.noise,
            random.Random(f"{plan.seed} {kind}"),  # noqa: S311 - reproducible, not secret
        )
        return MAKERS[kind](people, self.training, plan.labels), clean(people, self.held_out, kind)


def compare_rewards(
    plan: Plan,
    chosen: dict[str, dict[str, Any]],
    path: Path,
    say: Callable[[str], None],
    client: ChatClient | None = None,
) -> dict[str, Any]:
    """A row for each method, beside what length and words alone reach on the same data; written to ``path``.
    ``client`` asks the judge, for methods that need one.

    A method that refuses the lab's data is left out, in words; one that fails is a row with its error, and is tried
    again by the next call.
    """
    ledger = Ledger(path, asdict(plan))
    done = {row["method"] for row in ledger.rows if "error" not in row}
    wanted = {key: recipe for key, recipe in chosen.items() if key not in done}
    if wanted:
        ground = Ground(plan)
        for key, changes in wanted.items():
            recipe = RewardRecipe.from_json({**starter_reward().to_json(), **changes})
            kind = _kind(recipe.method)
            rows = ground.rows(kind)
            try:
                REWARD_METHODS[recipe.method].refuse_unfit(recipe, rows[0], judge=client is not None)
            except ValueError as refused:  # what a method needs and no lab can make up
                say(f"left out: {refused}")
                continue
            row = ledger.add({"method": key, "data": kind, **attempted(ground, recipe, rows, client)})
            say(told(row))
    ledger.rows = list({row["method"]: row for row in ledger.rows}.values())
    return ledger.finish({"data": "simulated"})


def _kind(method: str) -> str:
    """The data that a method learns from; what a judge writes is written about pairs."""
    found = REWARD_METHODS[method]
    return "rankings" if method in RANKED else "pairs" if found.judge else found.needs


def attempted(ground: Ground, recipe: RewardRecipe, rows: Rows, client: ChatClient | None = None) -> dict[str, Any]:
    """What was measured of one method, or why it could not be."""
    began = time.process_time()
    try:
        return measured(ground, recipe, rows, client)
    except Exception as error:  # a comparison of all methods does not end with one of them
        return {"error": f"{type(error).__name__}: {error}", "seconds": time.process_time() - began}


def told(row: dict[str, Any]) -> str:
    """One line of progress."""
    if "error" in row:
        return f"{row['method']}: {row['error']}"
    right, best = (row[name]["value"] for name in ("accuracy", "best_of_4"))
    pairs = row["accuracy"]["n"]
    return f"{row['method']}: {right:.3f} of {pairs} pairs, best of 4 {best:.3f}, {row['seconds']:.0f} s"


def measured(ground: Ground, recipe: RewardRecipe, rows: Rows, client: ChatClient | None = None) -> dict[str, Any]:
    """Train one reward model as a job, predict the held-out pairs, choose the best of four answers."""
    (train, held_out), began = rows, time.process_time()
    with TemporaryDirectory(prefix="heed-reward-") as place:
        directory = Path(place) / "job"
        compute = resolve().to_json()
        Job("reward", str(find_model(ground.plan.policy)), recipe.to_json(), compute=compute).write(directory, train)
        result = train_reward(directory, lambda *told: None, lambda: False, client=client)
        seconds = time.process_time() - began
        parameters = parameters_in(directory / "model")
        ensemble = RewardEnsemble.load(directory / "model")
        report = evaluate(ensemble.judged(held_out), [row.p for row in held_out])
        best = best_of_four(ground, ensemble)
    return {
        "rows": len(train),
        "accuracy": asdict(report.accuracy),
        "log_loss": report.log_loss,
        "length_only": asdict(_accuracy(length_only, train, held_out)),
        "bag_of_words": asdict(_accuracy(bag_of_words, train, held_out)),
        "best_of_4": asdict(best),
        "seconds": seconds,
        "parameters": parameters,
        **{name: result[name] for name in ("judge",) if name in result},
    }


def best_of_four(ground: Ground, ensemble: RewardEnsemble) -> Estimate:
    """How often, by the taste, the answer that the model likes best of four beats the first one; a tie is half."""
    taste, prompts = load_taste(ground.plan.taste), [one.prompt for one in ground.held_out]
    places = [ensemble.best_of(asked(one.prompt), [said(text) for text in one.texts]) for one in ground.held_out]
    ours = [taste(one.prompt, one.texts[place]) for one, place in zip(ground.held_out, places, strict=True)]
    return win_rate(ours, [taste(one.prompt, one.texts[0]) for one in ground.held_out], prompts).win_rate


def _accuracy(model: Callable[..., Any], train: list[PreferenceRow], held_out: list[PreferenceRow]) -> Estimate:
    return accuracy(model(train, held_out), [row.p for row in held_out])


def parameters_in(directory: Path) -> int:
    """How many numbers a saved model holds, all its members and references included."""
    total = 0
    for file in directory.rglob("*.safetensors"):
        with safe_open(file, framework="pt") as shard:
            total += sum(prod(shard.get_slice(name).get_shape()) for name in shard.keys())  # noqa: SIM118 - no mapping
    return total
