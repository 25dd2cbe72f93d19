"""The deep refit: fine-tune a reward model, watch it on judgments kept back, compare it with baselines."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from . import job as jobs
from .cache import Tally
from .devices import configure, honour, resolve
from .evaluation.report import report_on_rows
from .evaluation.reward import evaluate
from .job import Report, ShouldStop
from .judged import Judged, read_judged
from .judges import ChatClient
from .recipes import RewardRecipe
from .rewards.baselines import bag_of_words, length_only
from .rewards.beside_samples import beside_samples
from .rewards.ensemble import RewardEnsemble, ensemble_digest
from .rewards.frozen import Shared, Warm
from .rewards.interface import RewardModel
from .rewards.keeping import keep_back
from .rewards.lesson import Lesson, Progress
from .rewards.members import between_members, drawn_for, for_the_blend, train_members
from .rewards.methods import reward_method
from .rewards.needs import read_by
from .rows import PreferenceRow, judgments_behind, read_rows, verdicts


def train_reward(
    directory: Path, report: Report, should_stop: ShouldStop, *, client: ChatClient | None = None
) -> dict[str, Any]:
    """Run or resume a reward job; returns what it stores in ``result.json``. ``client`` asks the configured judge.

    Raises Stopped when it was asked to stop (call it again to go on), ValueError when the job is unusable.
    """
    if (done := jobs.finished(directory)) is not None:
        return done
    job, rows = jobs.Job.read(directory), jobs.read_snapshot(directory)
    if job.kind != "reward":
        raise ValueError(f"this is a {job.kind} job, not a reward job")
    recipe = RewardRecipe.from_json(job.recipe)
    method = reward_method(recipe)
    refuse_unfit(recipe, rows, judge=client is not None)
    compute = job.plan or resolve()
    (honour if job.plan else configure)(compute)
    progress = Progress(report, recipe.members + recipe.evaluation_member)
    work = jobs.work_directory(directory)
    read = read_by(recipe.method, rows)
    rows = beside_samples(
        read,
        job.base,
        recipe,
        device=compute.device,
        path=work / "samples.jsonl",
        progress=lambda done, total: progress.note({"sampled": float(done)}),
    )
    if len(rows) < len(read):  # those whose sample was cut are gone
        refuse_unfit(recipe, rows, judge=client is not None)
    train, kept = keep_back(rows)
    shared = Shared(jobs.cache_of(job, directory), Tally.at(work / "state-passes"), _warm(job), compute)

    def train_one(lesson: Lesson) -> RewardModel:
        return method.train(replace(lesson, client=client))

    ensemble, found = train_members(train_one, job.base, recipe, (train, kept), work, progress, shared, should_stop)
    result = {
        **_assess(ensemble, train, kept, read_judged(directory)),
        **between_members(ensemble, kept),
        **found,
        "passes": {"states": shared.tally.to_json()},
        "method": recipe.method,
        "rows": len(rows),
        "judgments": judgments_behind(rows),
        "kept_back": len(kept),
        "base": job.base,
    }
    ensemble.save(directory / "model", _card(job.base, recipe, result))
    return jobs.finish(directory, {**result, "digest": ensemble_digest(directory / "model")})


def refuse_unfit(recipe: RewardRecipe, rows: Sequence[PreferenceRow], *, judge: bool) -> None:
    """Raise ValueError in words where a method cannot learn from these rows, or a member not from those it is given."""
    method, rows = reward_method(recipe), read_by(recipe.method, rows)
    method.refuse_unfit(recipe, rows, judge=judge)
    train, kept = keep_back(rows)
    for number in range(recipe.members + recipe.evaluation_member):
        learned, _ = for_the_blend(recipe, drawn_for(recipe, train, number))
        try:
            method.refuse_unfit(recipe, learned, judge=judge)
        except ValueError as error:
            raise ValueError(
                f"{error}. So it is for member {number + 1}: of {len(rows)} rows {len(kept)} are kept back to choose "
                f"the checkpoint by{', and each member draws its own of the others' if recipe.bootstrap else ''}"
            ) from None


def _warm(job: jobs.Job) -> Warm | None:
    """The reward model to go on from, where the job names one that is still there."""
    if not job.warm or not Path(job.warm).is_dir():
        return None
    return Warm(Path(job.warm), verdicts(read_rows(Path(job.learned))) if job.learned else [])


def _assess(
    ensemble: RewardEnsemble, train: list[PreferenceRow], kept: list[PreferenceRow], judged: dict[int, Judged]
) -> dict[str, Any]:
    """Accuracy and log loss on the judgments kept back, beside the baselines fitted on the same training rows; without
    a judgment among them, on whether demonstrations are told from samples."""
    train, kept = _asked(train), _asked(kept)
    if not kept or not train:
        return {"accuracy": None, "log_loss": None, "baselines": {}}
    labels = [row.p for row in kept]
    models = {"length_only": length_only, "bag_of_words": bag_of_words}
    said = {"reward model": ensemble.judged(kept)} | {name: model(train, kept) for name, model in models.items()}
    told = evaluate(said["reward model"], labels)
    baselines = {name: evaluate(said[name], labels).accuracy.value for name in models}
    return {
        "accuracy": told.accuracy.value,
        "accuracy_low": told.accuracy.low,
        "accuracy_high": told.accuracy.high,
        "log_loss": told.log_loss,
        "calibration_error": told.calibration_error,
        "baselines": baselines,
        **_reported(kept, said, judged),
    }


def _reported(kept: list[PreferenceRow], said: dict[str, NDArray[Any]], judged: dict[int, Judged]) -> dict[str, Any]:
    """A report says how well people are predicted; demonstrations are no verdicts of theirs."""
    if not verdicts(kept):
        return {"measured_on": "demonstrations beside samples"}
    return {"report": report_on_rows(kept, said, judged)}


def _asked(rows: Sequence[PreferenceRow]) -> list[PreferenceRow]:
    return verdicts(rows) or [row for row in rows if row.kind == "demonstration"]


def _card(base: str, recipe: RewardRecipe, result: dict[str, Any]) -> str:
    return (
        f"# Reward model\n\nA reward model trained by Heed; its method is `{recipe.method}`. Rewards are read from a "
        "rendered conversation; only differences between responses to one prompt have a meaning. What a plain "
        f"sequence classifier cannot hold lies in reward.json and extra.safetensors.\n\nBase: {Path(base).name}. "
        f"Judgments: {result['judgments']}, in {result['rows']} rows of which "
        f"{result['kept_back']} were kept back.\n\n```json\n{json.dumps(recipe.to_json(), indent=1)}\n```\n"
    )
