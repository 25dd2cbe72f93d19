"""Every objective on the same simulated judgments: true win rate, KL, seconds and labels, in one process.

Each training is offline: the starter's own answers, judged by simulated people, and nothing else. The starter's
answers, their judgments and its log-probabilities are made once per seed and shared by all methods.
"""

import json
import random
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch

from training.lab.annotators import Annotator
from training.lab.ledger import Ledger
from training.lab.measuring import asked
from training.lab.simulated import answers, judged_pairs, ranked_lists
from training.lab.summing_up import outcomes, summary
from training.lab.tastes import Taste, load_taste, words
from training.learning.cache import LogprobCache
from training.learning.catalogue import METHODS, Method
from training.learning.devices import configure, resolve
from training.learning.evaluation.policy import sequence_kl, win_rate
from training.learning.lists import RankedList
from training.learning.logprobs import response_logprobs
from training.learning.models import Policy, find_model, load_policy, model_digest
from training.learning.objectives import Listed, objective_of
from training.learning.objectives.training import Material, preference_stages, preference_training
from training.learning.optimise import OptimResult, optimise
from training.learning.recipes import PolicyRecipe, starter_dpo
from training.learning.rows import PreferenceRow
from training.learning.sampling import Sample
from training.learning.starter.prompts import held_out_prompts, training_prompts

HELD_OUT_SEED = 10_007  # the same prompts for all seeds and methods, so that differences are paired
LIST = 4  # answers to a prompt, where an objective reads ranked lists
VERDICTS = LIST * (LIST - 1) // 2  # that put such a list in order


@dataclass(frozen=True)
class Plan:
    """What `lab compare` was asked to do; ``labels`` are judgments for each training."""

    taste: str
    labels: int = 300
    noise: float = 0.25
    epochs: float = 3.0
    prompts: int = 256
    policy: str = "starter"

    def __post_init__(self) -> None:
        """Refuse a plan that has no meaning, in words."""
        load_taste(self.taste)
        if self.labels < 20:
            raise ValueError(f"a training takes at least 20 labels, not {self.labels}")
        if self.prompts < 256:
            raise ValueError(f"a KL is measured on at least 256 held-out prompts, not {self.prompts}")
        if not 0.0 <= self.noise <= 1.0:
            raise ValueError(f"noise is a share of verdicts that are turned round, not {self.noise}")


@dataclass(frozen=True)
class Ground:
    """What all methods of a seed share: judgments of pairs, judgments of whole lists, the starter's answers."""

    pairs: list[PreferenceRow]
    lists: list[RankedList]
    theirs: list[Sample]


def objectives(keys: Sequence[str] = ()) -> list[Method]:
    """The catalogue's objectives of those names, or all; ``KEY:DIAL=VALUE`` sets a dial of one.

    Raises ValueError naming an objective or a dial that there is not, or a value that does not fit.
    """
    known = {method.key: method for method in METHODS if method.kind == "objective"}
    if unknown := [key for key in keys if key.partition(":")[0] not in known]:
        raise ValueError(f"there is no objective {unknown[0]!r}; there are {', '.join(sorted(known))}")
    return [_dialled(known[key.partition(":")[0]], key) for key in keys or known]


def _dialled(method: Method, key: str) -> Method:
    """The method with the dials that stand behind its name; it is known by all of that."""
    _, *dials = key.split(":")
    if not dials:
        return method
    if any("=" not in dial for dial in dials):
        raise ValueError(f"{key!r} would be KEY:DIAL=VALUE, such as robust:label_smoothing=0.25")
    recipe = {**method.recipe, **{name: _value(text) for name, _, text in (dial.partition("=") for dial in dials)}}
    objective_of(PolicyRecipe.from_json({**starter_dpo().to_json(), **recipe, "model_pairs_share": 0.0}))
    return replace(method, key=key, recipe=recipe)


def _value(text: str) -> Any:
    """A number, true or false where it is one, else the text itself."""
    try:
        return json.loads(text)
    except ValueError:
        return text


class Comparison:
    """One plan at work: the starter, what was sampled from it, and each method's training and measurement."""

    def __init__(self, plan: Plan, work: Path) -> None:
        self.plan, self.work = plan, work
        self.taste: Taste = load_taste(plan.taste)
        self.compute = replace(resolve(), threads=torch.get_num_threads())
        configure(self.compute)
        self.folder = find_model(plan.policy)
        self.starter = load_policy(str(self.folder), device=self.compute.device)
        self.cache = LogprobCache(work / "reference", model_digest(self.folder))
        self.held_out = held_out_prompts(plan.prompts, seed=HELD_OUT_SEED)
        self.recipe = replace(starter_dpo(), model_pairs_share=0.0)
        self.grounds: dict[int, Ground] = {}

    def ground(self, seed: int) -> Ground:
        """A seed's answers and judgments, made once."""
        if seed not in self.grounds:
            prompts = training_prompts(self.plan.labels, seed=seed)
            some = prompts[: max(2, self.plan.labels // VERDICTS)]
            person = Annotator(self.taste, random.Random(f"annotator {seed}"), self.plan.noise)  # noqa: S311
            self.grounds = {
                seed: Ground(
                    judged_pairs(person, prompts, self._drawn(prompts, 2, seed), self.plan.labels),
                    ranked_lists(person, some, self._drawn(some, LIST, seed)),
                    self._answers(self.starter, self.held_out, 1, seed),
                )
            }
        return self.grounds[seed]

    def _drawn(self, prompts: list[str], each: int, seed: int) -> list[list[Sample]]:
        return answers(self.starter, prompts, self.recipe.sampler, each=each, seed=seed)

    def _answers(self, policy: Policy, prompts: list[str], each: int, seed: int) -> list[Sample]:
        settings = replace(self.recipe.sampler, temperature=1.0, top_p=1.0, top_k=0)  # so that they measure KL too
        return [one for mine in answers(policy, prompts, settings, each=each, seed=seed) for one in mine]

    def row(self, method: Method, seed: int) -> dict[str, Any]:
        """One method under one seed, trained and measured; one that fails is a row with its error."""
        named = {"method": method.key, "seed": seed}
        began, worked = time.monotonic(), time.process_time()
        try:
            recipe = PolicyRecipe.from_json({**self.recipe.to_json(), **method.recipe, "model_pairs_share": 0.0})
            policy = load_policy(str(self.folder), device=self.compute.device)
            given = self._material(policy, recipe, seed)
            done = self._train(given)
            spent = {"seconds": time.monotonic() - began, "cpu_seconds": time.process_time() - worked}
            return {
                **named,
                "labels": len(given.rows) + VERDICTS * len(given.lists),
                **spent,
                **_training(done),
                **self._measured(policy, seed),
            }
        except Exception as error:  # a comparison of thirty methods does not end with one of them
            return {**named, "error": f"{type(error).__name__}: {error}", "seconds": time.monotonic() - began}

    def _material(self, policy: Policy, recipe: PolicyRecipe, seed: int) -> Material:
        """The judgments that this objective can read: lists where it ranks, without ties where it must.

        A step reads as many responses of lists as of pairs.
        """
        objective, ground = objective_of(recipe), self.ground(seed)
        settings = replace(recipe.optim, seed=seed, num_train_epochs=self.plan.epochs)
        given = Material(policy, ground.pairs, recipe, settings, self.starter, self.cache, self.compute)
        if isinstance(objective, Listed):
            fewer = replace(settings, batch_size=max(1, 2 * settings.batch_size // LIST))
            return replace(given, rows=[], lists=ground.lists, settings=fewer)
        certain = getattr(objective, "whole_batch", False)
        return replace(given, rows=[row for row in ground.pairs if row.p != 0.5]) if certain else given

    def _train(self, given: Material) -> OptimResult:
        """Train in as many stages as the objective has; the last one's result."""
        for stage in preference_stages(given):
            training = preference_training(stage)
            with TemporaryDirectory(dir=self.work) as place:
                done = optimise(
                    given.policy.model,
                    training.steps,
                    training.loss,
                    stage.settings,
                    directory=Path(place),
                    companion=training.companion,
                )
        return done

    def _measured(self, policy: Policy, seed: int) -> dict[str, Any]:
        """Gold win rate against the starter and KL from it, both on one fresh sample to each held-out prompt."""
        ours, theirs = self._answers(policy, self.held_out, 1, seed + 1), self.ground(seed).theirs
        ours_gold, theirs_gold = self._gold(ours), self._gold(theirs)
        won = win_rate(ours_gold, theirs_gold, self.held_out)
        asks = [asked(prompt) for prompt in self.held_out]
        groups = [self.starter.text.group_of_tokens(ask, [one.token_ids]) for ask, one in zip(asks, ours, strict=True)]
        before = [float(values[0].sum()) for values in response_logprobs(self.starter, groups)]
        kl = sequence_kl([sum(one.token_logprobs) for one in ours], before)
        return {
            "win_rate": won.win_rate.value,
            "low": won.win_rate.low,
            "high": won.win_rate.high,
            "tie_rate": won.tie_rate,
            "kl": kl.kl,
            "kl_se": kl.standard_error,
            "gold": float(ours_gold.mean()),
            "gold_starter": float(theirs_gold.mean()),
            "mean_words": float(np.mean([len(words(one.text)) for one in ours])),
            "ended": float(np.mean([one.stopped for one in ours])),
            "outcomes": outcomes(ours_gold, theirs_gold),
        }

    def _gold(self, drawn: Sequence[Sample]) -> np.ndarray[Any, np.dtype[np.float64]]:
        return np.array([self.taste(prompt, one.text) for prompt, one in zip(self.held_out, drawn, strict=True)])


def _training(done: OptimResult) -> dict[str, float]:
    told = {"steps": float(done.steps), "loss": done.metrics["loss"]}
    if "rewards/accuracies" in done.metrics:
        told["accuracy_last_step"] = done.metrics["rewards/accuracies"]
    return told


def compare(plan: Plan, methods: Sequence[Method], seeds: int, path: Path, say: Any) -> dict[str, Any]:
    """Every method under every seed, row by row into ``path``; what is there stays, what failed is tried again."""
    ledger = Ledger(path, asdict(plan))
    done = {(row["method"], row["seed"]) for row in ledger.rows if "error" not in row}
    with TemporaryDirectory(prefix="heed-compare-") as work:
        comparison = Comparison(plan, Path(work))
        for seed in range(seeds):
            for method in methods:
                if (method.key, seed) not in done:
                    say(told(ledger.add(comparison.row(method, seed))))
    ledger.rows = _latest(ledger.rows)
    return ledger.finish({"summary": summary(ledger.rows)})


def _latest(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The last row of each method and seed: an attempt that failed goes when a later one did not."""
    return list({(row["method"], row["seed"]): row for row in rows}.values())


def told(row: dict[str, Any]) -> str:
    """One line of progress."""
    if "error" in row:
        return f"{row['method']} (seed {row['seed']}): {row['error']}"
    won = f"win rate {row['win_rate']:.3f} ({row['low']:.3f} to {row['high']:.3f})"
    moved = f"KL {row['kl']:.2f} ± {row['kl_se']:.2f}, {row['mean_words']:.0f} words, {row['seconds']:.0f} s"
    return f"{row['method']} (seed {row['seed']}): {won}, {moved}"
