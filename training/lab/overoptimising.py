"""Over-optimisation at this size: true reward against KL, by best of n and by training, for one proxy and ensembles.

The experiment of Gao et al. 2022 (arXiv:2210.10760) with a taste as the true reward and reward models from few noisy
judgments as proxies, and of Coste et al. 2023 (arXiv:2310.02743) with their ensembles under 25 % flipped labels. True
rewards are gained over the starter on the same held-out prompts, in standard deviations of its own responses.
"""

import random
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from training.lab.annotators import Annotator
from training.lab.ledger import Ledger
from training.lab.measuring import asked
from training.lab.proxies import Proxies, ProxyRanker, Rule
from training.lab.simulated import answers, judged_pairs, said
from training.lab.tastes import load_taste, words
from training.learning.devices import configure, resolve
from training.learning.evaluation.overoptimisation import best_of_n
from training.learning.logprobs import LogprobCache, response_logprobs
from training.learning.models import Policy, find_model, load_policy
from training.learning.objectives.training import Material, preference_training
from training.learning.online.best_against_worst import best_against_worst
from training.learning.optimise import optimise
from training.learning.recipes import SamplerSettings, starter_dpo
from training.learning.rewards.fast.features import FeatureModel
from training.learning.sampling import Sample
from training.learning.starter.prompts import held_out_prompts, training_prompts

Array = NDArray[np.float64]
HELD_OUT_SEED = 20_011
BEST_OF, PROMPTS_A_ROUND, EACH = 6, 48, 4  # a round's samples to a training prompt; samples to a held-out one


@dataclass(frozen=True)
class Plan:
    """What `lab overoptimise` was asked to do. ``pool`` is the starter's samples to each held-out prompt."""

    taste: str
    labels: int = 200
    noise: float = 0.25
    members: int = 4
    pool: int = 256
    prompts: int = 32
    rounds: int = 10
    policy: str = "starter"

    def __post_init__(self) -> None:
        """Refuse a plan that has no meaning, in words."""
        load_taste(self.taste)
        if self.labels < 32:
            raise ValueError(f"features and reward models are measured on at least 32 labels, not {self.labels}")
        if self.members < 2:
            raise ValueError(f"an ensemble has at least 2 members, not {self.members}")
        if self.pool < 4 or self.prompts < 2:
            raise ValueError("at least 4 samples to each of at least 2 held-out prompts")

    @property
    def counts(self) -> list[int]:
        """Every n that is a power of two, up to the pool."""
        return [2**power for power in range(self.pool.bit_length()) if 2**power <= self.pool]


# Coste et al.'s λ: 0.5 for best of n, 0.1 for training.
def rules(training: bool) -> list[Rule]:
    """One member alone, and the ensemble by mean, worst case (WCO) and mean minus variance (UWO)."""
    weight = 0.1 if training else 0.5
    return [
        Rule("single", member=0),
        Rule("mean"),
        Rule("min", "min"),
        Rule("mean_minus_var", "mean_minus_var", weight),
    ]


class Experiment:
    """One seed at work: judgments, proxies, the pool of the starter's samples and what everybody says of them."""

    def __init__(self, plan: Plan, seed: int, work: Path) -> None:
        self.plan, self.seed, self.work = plan, seed, work
        self.taste = load_taste(plan.taste)
        self.compute = replace(resolve(), threads=torch.get_num_threads())
        configure(self.compute)
        self.folder = find_model(plan.policy)
        self.starter = load_policy(str(self.folder), device=self.compute.device)
        recipe = starter_dpo()
        self.settings: SamplerSettings = recipe.sampler
        self.recipe = replace(recipe, model_pairs_share=0.0, beta=0.05)
        self.prompts = held_out_prompts(plan.prompts, seed=HELD_OUT_SEED)
        proxies = self._learned()
        pool = answers(self.starter, self.prompts, self.settings, each=plan.pool, seed=seed)
        self.place = np.repeat(np.arange(plan.prompts), plan.pool)
        texts = [[one.text for one in mine] for mine in pool]
        self.gold_PN = np.array([self._gold(prompt, mine) for prompt, mine in zip(self.prompts, texts, strict=True)])
        rewards = proxies.score(self._pairs(texts))
        spread_M = proxies.spread(rewards, self.place)
        self.proxies = proxies.scaled(1.0 / spread_M)
        self.reward_MPN = (rewards / spread_M[:, None]).reshape(plan.members, plan.prompts, plan.pool)
        self.base_P = self.gold_PN.mean(1)
        self.spread = float((self.gold_PN - self.base_P[:, None]).std()) or 1.0

    def _learned(self) -> Proxies:
        plan, prompts = self.plan, training_prompts(self.plan.labels, seed=self.seed)
        drawn = answers(self.starter, prompts, self.settings, each=2, seed=self.seed)
        person = Annotator(self.taste, random.Random(f"annotator {self.seed}"), plan.noise)  # noqa: S311
        rows = judged_pairs(person, prompts, drawn, plan.labels)
        features = FeatureModel.fit(self.starter, [(row.prompt, list(row.responses)) for row in rows])
        return Proxies.fit(features, rows, plan.members, self.seed)

    def _gold(self, prompt: str, texts: Sequence[str]) -> list[float]:
        return [self.taste(prompt, text) for text in texts]

    def _pairs(self, texts: Sequence[Sequence[str]]) -> list[tuple[Any, Any]]:
        return [(asked(prompt), said(text)) for prompt, mine in zip(self.prompts, texts, strict=True) for text in mine]

    def chosen(self) -> list[dict[str, Any]]:
        """Best of n: of each rule and n the true reward gained, by prompt, and the proxy's own."""
        told = []
        for rule in rules(training=False):
            members = range(self.plan.members) if rule.member is not None else [None]
            for n in self.plan.counts:
                found = [self._best_of(replace(rule, member=member), n) for member in members]
                gold_P, proxy_P = np.mean(found, axis=0)  # one member alone: the mean over which one it is
                told.append({"rule": rule.name, "n": n, "gold": _short(gold_P), "proxy": float(proxy_P.mean())})
        return told

    def _best_of(self, rule: Rule, n: int) -> tuple[Array, Array]:
        """Gold and proxy gained [P], each in its own standard deviations inside a prompt."""
        proxy_PN = rule.over(self.reward_MPN.reshape(self.plan.members, -1), self.place).reshape(self.gold_PN.shape)
        gold_P = (best_of_n(proxy_PN, self.gold_PN, n) - self.base_P) / self.spread
        inside_PN = proxy_PN - proxy_PN.mean(1, keepdims=True)
        return gold_P, best_of_n(inside_PN, inside_PN, n) / (inside_PN.std() or 1.0)

    def trained(self, rule: Rule) -> list[dict[str, Any]]:
        """Checkpoints of a policy that learns round by round what the proxy prefers among its own fresh samples."""
        policy = load_policy(str(self.folder), device=self.compute.device)
        prompts = training_prompts(PROMPTS_A_ROUND * self.plan.rounds, seed=self.seed + 1)
        told = [self._checkpoint(policy, rule, 0)]
        for number in range(self.plan.rounds):
            mine = prompts[number * PROMPTS_A_ROUND : (number + 1) * PROMPTS_A_ROUND]
            self._round(policy, rule, mine, number)
            told.append(self._checkpoint(policy, rule, number + 1))
        return told

    def _round(self, policy: Policy, rule: Rule, prompts: Sequence[str], number: int) -> None:
        """Two epochs of DPO on best against worst from where the policy stands: nothing pulls it to the starter."""
        drawn = answers(policy, prompts, self.settings, each=BEST_OF, seed=self.seed + 100 + number)
        groups = [
            (asked(prompt), [one.text for one in mine if one.stopped])
            for prompt, mine in zip(prompts, drawn, strict=True)
        ]
        ranker = ProxyRanker(self.proxies, rule)
        rows = best_against_worst([group for group in groups if len(group[1]) >= 2], ranker, sure=0.5)
        if not rows:
            return
        settings = replace(self.recipe.optim, seed=number, batch_size=8, num_train_epochs=2.0)
        with TemporaryDirectory(dir=self.work) as place:
            cache = LogprobCache(Path(place) / "reference", f"{number:064d}")
            given = Material(policy, rows, self.recipe, settings, policy, cache, self.compute)
            training = preference_training(given)
            optimise(policy.model, training.steps, training.loss, settings, directory=Path(place) / "run")

    def _checkpoint(self, policy: Policy, rule: Rule, number: int) -> dict[str, Any]:
        """KL from the starter, true reward and proxy gained, on fresh samples to the held-out prompts."""
        drawn = answers(policy, self.prompts, self.settings, each=EACH, seed=self.seed + 10_000 + number)
        texts = [[one.text for one in mine] for mine in drawn]
        gold_PE = np.array([self._gold(prompt, mine) for prompt, mine in zip(self.prompts, texts, strict=True)])
        rewards_MPE = self.proxies.score(self._pairs(texts)).reshape(self.plan.members, *gold_PE.shape)
        gained_MPE = rewards_MPE - self.reward_MPN.mean(-1, keepdims=True)
        kl_n = self._log_ratios(drawn)
        return {
            "round": number,
            "kl": float(kl_n.mean()),
            "kl_se": float(kl_n.std(ddof=1) / np.sqrt(len(kl_n))),
            "gold": _short((gold_PE.mean(1) - self.base_P) / self.spread),
            "proxy": float(rule.gained(gained_MPE.reshape(self.plan.members, -1)).mean()),
            "mean_words": float(np.mean([len(words(text)) for mine in texts for text in mine])),
            "ended": float(np.mean([one.stopped for mine in drawn for one in mine])),
        }

    def _log_ratios(self, drawn: Sequence[Sequence[Sample]]) -> Array:
        """log π(y|x) − log starter(y|x) of all samples [n]."""
        groups = [
            self.starter.text.group_of_tokens(asked(prompt), [one.token_ids for one in mine])
            for prompt, mine in zip(self.prompts, drawn, strict=True)
        ]
        theirs = [float(values.sum()) for group in response_logprobs(self.starter, groups) for values in group]
        ours = [sum(one.token_logprobs) for mine in drawn for one in mine]
        return np.asarray(np.array(ours) - np.array(theirs))


def _short(values: Array) -> list[float]:
    return [round(float(value), 4) for value in values]


def overoptimise(plan: Plan, seeds: int, path: Path, say: Any) -> Ledger:
    """All seeds, part by part into ``path``: ``best_of_n`` and one training for each rule. What is there stays."""
    ledger = Ledger(path, asdict(plan))
    done = {(row["seed"], row["what"]) for row in ledger.rows}
    for seed in range(seeds):
        parts = ["best_of_n", *(rule.name for rule in rules(training=True))]
        if {(seed, what) for what in parts} <= done:
            continue
        with TemporaryDirectory(prefix="heed-overoptimise-") as work:
            experiment = Experiment(plan, seed, Path(work))
            if (seed, "best_of_n") not in done:
                ledger.add({"seed": seed, "what": "best_of_n", "points": experiment.chosen()})
                say(f"seed {seed}: best of n measured")
            for rule in rules(training=True):
                if (seed, rule.name) not in done and plan.rounds > 0:
                    began = time.monotonic()
                    points = experiment.trained(rule)
                    ledger.add({"seed": seed, "what": rule.name, "points": points})
                    last = f"KL {points[-1]['kl']:.1f}, gold {np.mean(points[-1]['gold']):+.2f}"
                    say(f"seed {seed}, trained on {rule.name}: {last}, {time.monotonic() - began:.0f} s")
    return ledger
