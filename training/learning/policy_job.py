"""Retraining the policy: people's pairs and pairs of fresh samples, in rounds, each watched on prompts kept out of it.

A run that is killed goes on: samples, every round's weights and every measurement are files in the job's ``work``.
"""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from . import job as jobs
from .cache import LogprobCache, Tally
from .devices import Compute, configure, honour, resolve
from .evaluation.policy import SequenceKL, sequence_kl
from .evaluation.watching import overoptimisation
from .job import Report, ShouldStop, Stopped
from .lists import RankedList
from .models import Policy, load_policy, model_digest, save_policy
from .monitor import Monitor, log_ratios, looking, looks, patience, watched_metrics
from .objectives import OFFLINE, Listed, objective_of, refuse_unfit
from .objectives.learned import learned_from
from .objectives.training import Material, preference_stages, preference_training
from .online.best_against_worst import best_against_worst
from .online.margins import with_rewards
from .online.ranking import PosteriorRanker, Ranker, RewardRanker
from .online.rollouts import Rollout, rollouts, seed_of
from .online.whole_lists import whole_lists
from .optimise import OptimResult, optimise
from .recipes import PolicyRecipe
from .rewards.ensemble import RewardEnsemble
from .rewards.fast.features import FeatureModel
from .rewards.fast.posterior import FastPosterior
from .rows import Message, PreferenceRow, verdicts
from .scored_prompts import asking, speak_as
from .watch import Watch

STAGES = ("sample", "train", "watch", "measure")  # ``report``'s metric ``stage`` is a place in it
VALIDATION_SHARE = 0.2  # of the training prompts, at most
Item = TypeVar("Item")
Judged = PreferenceRow | RankedList  # a pair, or a whole list of responses
UNITS = {"sample": 40, "train": 40, "watch": 20}  # of progress in a round; the closing measurement has 20


@dataclass
class Run:
    """What every stage of a policy job needs."""

    directory: Path
    recipe: PolicyRecipe
    compute: Compute
    policy: Policy  # in training
    incumbent: Policy  # as it was: the reference
    anchor: Policy  # where the KL budget is measured from; often the incumbent itself
    ranker: Ranker
    cache: LogprobCache  # of the incumbent
    people: list[PreferenceRow]
    training: list[list[Message]]
    validation: list[list[Message]]
    report: Report
    should_stop: ShouldStop

    @property
    def work(self) -> Path:
        """Where the run keeps what it needs to go on."""
        return jobs.work_directory(self.directory)

    def told(self, number: int, stage: str, done: float, metrics: dict[str, float] | None = None) -> None:
        """Report progress: ``done`` is the share of ``stage`` of round ``number`` that is over."""
        whole = sum(UNITS.values())
        place = list(UNITS).index(stage) if stage in UNITS else 0  # the closing measurement follows all rounds
        before = sum(list(UNITS.values())[:place])
        step = whole * number + before + UNITS.get(stage, 20) * done
        known = {"stage": float(STAGES.index(stage)), "round": float(number + 1)}
        self.report(int(step), whole * self.recipe.rounds + 20, {**known, **(metrics or {})})

    @property
    def monitor(self) -> Monitor:
        """What the policy is watched by."""
        return Monitor(self.policy, self.incumbent, self.anchor, self.ranker, self.validation, self.recipe, self.work)

    def check_stop(self) -> None:
        """Raise Stopped when the run was asked to stop."""
        if self.should_stop():
            raise Stopped


def train_policy(directory: Path, report: Report, should_stop: ShouldStop) -> dict[str, Any]:
    """Run or resume a policy job; returns what it stores in ``result.json``.

    Raises Stopped when it was asked to stop (call it again to go on), ValueError when the job is unusable.
    """
    if (done := jobs.finished(directory)) is not None:
        return done
    run = _prepare(directory, report, should_stop)
    watch = Watch(run.policy.model, run.monitor, run.work / "watch", patience=patience(run.recipe.rounds))
    run.told(0, "sample", 0.0, watched_metrics(watch.seen[0]))
    rounds: list[dict[str, Any]] = []
    for number in range(run.recipe.rounds):
        rounds.append(_round(run, number, watch))
        told = watch.latest(number + 1) if watch.enough(number + 1) else watch.look(number + 1)
        run.told(number, "watch", 1.0, watched_metrics(told))
        run.check_stop()
        if watch.enough(number + 1):
            break
    best = watch.restore()
    if best["step"] == 0:  # nothing was learned, not even what a prompt that asks for a score means
        speak_as(run.policy, run.incumbent)
    kl = _kl_from_anchor(run)
    result = {
        "rounds": rounds,
        "watched": watch.seen,
        "overoptimisation": overoptimisation(watch.seen),
        "watching_seconds": sum(look.get("seconds", 0.0) for look in watch.seen),
        "best_round": math.ceil(best["step"]),
        "validation_win_probability": best["quality"],
        "kl": kl.kl,
        "kl_standard_error": kl.standard_error,
        "kl_samples": kl.n,
        "people_rows": len(run.people),
        "passes": {"reference": run.cache.tally.to_json()},
    }
    digest = save_policy(run.policy, directory / "model", _card(run, result))
    return jobs.finish(directory, {**result, "digest": digest})


def _prepare(directory: Path, report: Report, should_stop: ShouldStop) -> Run:
    job, people = jobs.Job.read(directory), jobs.read_snapshot(directory)
    if job.kind != "policy":
        raise ValueError(f"this is a {job.kind} job, not a policy job")
    recipe = PolicyRecipe.from_json(job.recipe)
    people, training, validation = divided(directory, recipe, people)
    compute = job.plan or resolve()
    (honour if job.plan else configure)(compute)
    policy = load_policy(job.base, device=compute.device, lora=recipe.lora)
    if _by_score(recipe):
        asking(policy)  # refused now, where it cannot
    incumbent = load_policy(job.base, device=compute.device)
    anchor = incumbent if job.anchor in (None, job.base) else load_policy(job.anchor, device=compute.device)
    ranker = _ranker(job, recipe, directory, people, compute)
    cache = LogprobCache(
        jobs.cache_of(job, directory),
        model_digest(incumbent.directory),
        dtype=compute.dtype,
        device=compute.device,
        tally=Tally.at(jobs.work_directory(directory) / "reference-passes"),
    )
    people = with_rewards(people, ranker) if recipe.dynamic_beta else people
    return Run(
        directory,
        recipe,
        compute,
        policy,
        incumbent,
        anchor,
        ranker,
        cache,
        people,
        training,
        validation,
        report,
        should_stop,
    )


def divided(
    directory: Path, recipe: PolicyRecipe, people: Sequence[PreferenceRow]
) -> tuple[list[PreferenceRow], list[list[Message]], list[list[Message]]]:
    """People's pairs, training and validation prompts of a job. Raises ValueError in words where the recipe cannot
    learn from them."""
    people = learned_from(recipe, people)
    training, validation = split_prompts(jobs.read_prompts(directory), recipe, [row.prompt for row in people])
    learned = [row for row in people if row.prompt not in validation]
    refuse_unfit(recipe, learned)
    return learned, training, validation


def _ranker(
    job: jobs.Job, recipe: PolicyRecipe, directory: Path, people: list[PreferenceRow], compute: Compute
) -> Ranker:
    """The active deep reward model, else the posterior that came with the job, else one fitted to its snapshot."""
    if job.reward:
        ensemble = RewardEnsemble.load(Path(job.reward), compute.device)
        if rule := recipe.reward_aggregate:
            ensemble = ensemble.by(rule, recipe.reward_uncertainty_weight)
        return RewardRanker(ensemble)
    if not (job.features and job.feature_policy):
        raise ValueError("a policy job names a reward model, or a feature model and its policy")
    features = FeatureModel.load(Path(job.features), load_policy(job.feature_policy, device=compute.device))
    posterior = jobs.read_posterior(directory) or fit_posterior(features, verdicts(people))
    return PosteriorRanker(features, posterior)


def fit_posterior(features: FeatureModel, rows: Sequence[PreferenceRow]) -> FastPosterior:
    """The posterior of a snapshot's judgments under a feature model."""
    phi = features.features([(row.prompt, side) for row in rows for side in row.responses])
    labels, weights = [row.p for row in rows], [row.weight for row in rows]
    return FastPosterior.fit(phi[0::2] - phi[1::2], labels, weights, dimension=phi.shape[1])


def split_prompts(
    prompts: list[list[Message]], recipe: PolicyRecipe, judged: Sequence[list[Message]] = ()
) -> tuple[list[list[Message]], list[list[Message]]]:
    """Training and inner validation prompts, the same for the same recipe seed whatever the order.

    Prompts that nobody judged are kept out first: what people said of a prompt that is kept out teaches nothing.
    """
    if len(prompts) < 10:
        raise ValueError(f"a policy job needs at least 10 training prompts to sample on, not {len(prompts)}")
    order = sorted(prompts, key=lambda prompt: seed_of(recipe.seed, "split", list(map(dict, prompt))))
    kept = min(recipe.n_validation, max(2, round(VALIDATION_SHARE * len(order))))
    taught = {_key(prompt) for prompt in judged}
    validation = sorted(order, key=lambda prompt: _key(prompt) in taught)[:kept]
    left_out = {_key(prompt) for prompt in validation}
    return [prompt for prompt in order if _key(prompt) not in left_out], validation


def _key(prompt: Sequence[Message]) -> str:
    return json.dumps(prompt, sort_keys=True)


def _round(run: Run, number: int, watch: Watch) -> dict[str, Any]:
    """Sample from the policy as it is, pair best against worst or rank the whole list, as the objective needs, and
    train on that and on people's pairs."""
    fresh = _fresh(run, number)
    rows = mixed(people_of_round(run, number), fresh, run.recipe.model_pairs_share)
    done = _train(run, number, rows, watch)
    if not done.finished:
        raise Stopped
    return {
        "round": number + 1,
        "fresh_pairs": len(fresh),
        "mean_probability": float(np.mean([_how_sure(one) for one in fresh])) if fresh else None,
        "metrics": done.metrics,
    }


def _by_score(recipe: PolicyRecipe) -> bool:
    """Is the policy one that is asked for a score?"""
    return recipe.loss_type == OFFLINE.key and recipe.offline_mode == "decision_transformer"


def _how_sure(one: Judged) -> float:
    """The probability that a pair's first, or a list's best, is preferred."""
    return max(one.scores or (one.p,)) if isinstance(one, RankedList) else one.p


def prompts_of_round(run: Run, number: int) -> list[list[Message]]:
    """``n_prompts`` training prompts, each as often as any other up to one."""
    return _in_turn(run, run.training, "order", number, run.recipe.n_prompts)


def people_of_round(run: Run, number: int) -> list[PreferenceRow]:
    """All of people's pairs, or ``n_people`` of them, each as often as any other up to one."""
    count = run.recipe.n_people
    return _in_turn(run, run.people, "people", number, count) if 0 < count < len(run.people) else run.people


def _in_turn(run: Run, items: Sequence[Item], name: str, number: int, count: int) -> list[Item]:
    """Round ``number``'s ``count`` of ``items``: they are dealt in one random order, over and over."""
    order = np.random.default_rng(seed_of(run.recipe.seed, name)).permutation(len(items))
    return [items[order[place % len(order)]] for place in range(number * count, (number + 1) * count)]


def _fresh(run: Run, number: int) -> Sequence[Judged]:
    recipe = run.recipe
    prompts = prompts_of_round(run, number)
    if not prompts or recipe.model_pairs_share == 0.0:
        return []
    drawn = rollouts(
        run.policy,
        prompts,
        recipe.sampler,
        each=recipe.best_of,
        seed=seed_of(recipe.seed, "rollouts", number),
        path=run.work / f"samples-{number}.jsonl",
        progress=lambda done, total: run.told(number, "sample", done / max(total, 1)),
    )
    run.check_stop()
    groups = [(prompt, [one.text for one in mine if one.stopped]) for prompt, mine in _by_prompt(prompts, drawn)]
    of_groups = whole_lists if isinstance(objective_of(recipe), Listed) else best_against_worst
    return of_groups([group for group in groups if len(group[1]) >= 2], run.ranker, sure=recipe.sure)


def _by_prompt(prompts: Sequence[list[Message]], drawn: Sequence[Rollout]) -> list[tuple[list[Message], list[Rollout]]]:
    mine: list[list[Rollout]] = [[] for _ in prompts]
    for one in drawn:
        mine[one.prompt].append(one)
    return list(zip(prompts, mine, strict=True))


def mixed(people: Sequence[PreferenceRow], fresh: Sequence[Judged], share: float) -> list[Judged]:
    """Both kinds of rows, weighted so that ``share`` of all weight is the fresh ones' and the mean weight is 1."""
    if not fresh:
        return list(people)
    kinds: tuple[tuple[Sequence[Judged], float], ...] = ((people, 1.0 - share), (fresh, share))
    used = [row for rows, part in kinds if part > 0 for row in rows]
    scaled: list[Judged] = []
    for rows, part in kinds:
        weight = sum(row.weight for row in rows)
        if part > 0 and weight > 0:
            scaled += [replace(row, weight=row.weight * part * len(used) / weight) for row in rows]
    return scaled


def _train(run: Run, number: int, judged: Sequence[Judged], watch: Watch) -> OptimResult:
    """Train on a round's rows and lists, in as many stages as the objective has."""
    recipe = run.recipe
    if _by_score(recipe):  # from its first training on; before it, a wish for a score means nothing to it
        speak_as(run.policy, asking(run.policy))
    rows = [one for one in judged if isinstance(one, PreferenceRow)]
    lists = [one for one in judged if isinstance(one, RankedList)]
    settings = replace(recipe.optim, seed=seed_of(recipe.optim.seed, number) % 2**31)
    given = Material(run.policy, rows, recipe, settings, run.incumbent, run.cache, run.compute, lists)
    stages = preference_stages(given)
    directories = [run.work / f"round-{number}"]
    if len(stages) > 1:
        directories = [run.work / f"round-{number}-{place}" for place in range(len(stages))]
    for place, (stage, directory) in enumerate(zip(stages, directories, strict=True)):
        done = _train_stage(run, number, stage, directory, (place, len(stages)), watch)
        if watch.enough(number + (place + 1) / len(stages)) or not done.finished:
            break
    return done


def _train_stage(
    run: Run, number: int, given: Material, directory: Path, place: tuple[int, int], watch: Watch
) -> OptimResult:
    """Train stage ``place[0]`` of ``place[1]`` of a round."""
    training = preference_training(given)
    total = len(training.steps)
    due = looks(total, run.recipe.optim.num_train_epochs, run.recipe.rounds * place[1])
    return optimise(
        run.policy.model,
        training.steps,
        training.loss,
        given.settings,
        directory=directory,
        report=lambda step, total, metrics: run.told(number, "train", (place[0] + step / total) / place[1], metrics),
        should_stop=run.should_stop,
        enough=looking(watch, due, lambda step: number + (place[0] + step / total) / place[1]),
        companion=training.companion,
    )


def _kl_from_anchor(run: Run) -> SequenceKL:
    """KL of the chosen policy from the anchor on fresh samples at temperature 1, prompts in turn."""
    count, prompts = run.recipe.kl_samples, [*run.validation, *run.training]
    asked = [prompts[place % len(prompts)] for place in range(count)]
    drawn = rollouts(
        run.policy,
        asked,
        replace(run.recipe.sampler, temperature=1.0, top_p=1.0, top_k=0),
        each=1,
        seed=seed_of(run.recipe.seed, "kl"),
        path=run.work / "kl.jsonl",
        progress=lambda done, total: run.told(run.recipe.rounds, "measure", done / max(total, 1)),
    )
    ours = [one.logprob for one in drawn]
    return sequence_kl(ours, np.array(ours) - log_ratios(run.anchor, asked, drawn))


def _card(run: Run, result: dict[str, Any]) -> str:
    recipe = json.dumps(run.recipe.to_json(), indent=1)
    return (
        "# Policy\n\nTrained by Heed from people's preferences. "
        f"Judged pairs: {result['people_rows']}. Sequence KL from the anchor: {result['kl']:.2f} nats "
        f"(standard error {result['kl_standard_error']:.2f}, {result['kl_samples']} samples).\n\n"
        f"```json\n{recipe}\n```\n"
    )
