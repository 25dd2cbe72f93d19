"""Heed's side of the race, as its jobs train: `python -m training.lab.race.heed_side LAP`."""

import json
import resource
import sys
import tempfile
import time
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch

from training.lab.race.lap import Found, Lap
from training.lab.race.material import TEMPLATE, Material
from training.learning.devices import Compute, configure, precisely, resolve
from training.learning.models import load_policy
from training.learning.objectives import mixture
from training.learning.objectives.pairs import pair_loss, pair_plan
from training.learning.optimise import optimise
from training.learning.recipes import ObjectiveDials, OptimSettings, RewardRecipe
from training.learning.rewards.pairwise import PairwiseReward
from training.learning.rewards.pairwise_lesson import pair_reward_loss, pair_steps
from training.learning.rows import Message, PreferenceRow


def drive(lap: Lap) -> Found:
    """Train one epoch and measure it."""
    material = Material(Path(lap.material))
    compute = replace(resolve(device="cpu"), dtype=lap.dtype, threads=lap.threads)
    configure(compute)
    rows = read_pairs(material, lap.pairs)
    policy = load_policy(str(material.policy))
    policy.tokenizer.chat_template = TEMPLATE
    settings = OptimSettings(
        learning_rate=1e-4,
        lr_scheduler_type="linear",
        warmup_ratio=0.0,
        adam_beta2=0.999,
        batch_size=lap.batch,
        token_budget=lap.token_budget,
        save_seconds=0.0,
        seed=lap.seed,
    )
    began = time.perf_counter()
    model, steps, loss = (_dpo if lap.what == "dpo" else _reward)(policy, rows, settings, compute)
    losses: list[float] = []
    times: list[float] = []

    def told(step: int, total: int, metrics: dict[str, float]) -> None:
        losses.append(metrics["loss"])
        times.append(time.perf_counter())

    with tempfile.TemporaryDirectory() as place:
        optimise(model, steps, loss, settings, directory=Path(place), report=told)
    return Found(
        steady=(len(rows) - lap.batch) / (times[-1] - times[0]),
        cold=len(rows) / (times[-1] - began),
        loss=sum(losses[-len(losses) // 5 :]) / len(losses[-len(losses) // 5 :]),
        memory=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    )


def read_pairs(material: Material, count: int) -> list[PreferenceRow]:
    """The first ``count`` pairs as training rows."""
    with material.pairs.open(encoding="utf-8") as lines:
        told = [json.loads(line) for line, _ in zip(lines, range(count), strict=False)]
    return [
        PreferenceRow(
            comparison_id=None,
            prompt=[Message(role="user", content=one["prompt"])],
            responses=(_answer(one["chosen"]), _answer(one["rejected"])),
            response_ids=(None, None),
            p=1.0,
            strength=None,
            weight=1.0,
            source="import",
            judgment_ids=(),
        )
        for one in told
    ]


def _answer(text: str) -> list[Message]:
    return [Message(role="assistant", content=text)]


def _dpo(policy: Any, rows: list[PreferenceRow], settings: OptimSettings, compute: Compute) -> tuple[Any, Any, Any]:
    objective, dials = mixture("sigmoid"), ObjectiveDials()
    plan = pair_plan(
        policy, rows, settings, max_length=1024, objective=objective, dials=dials, reference=policy, compute=compute
    )
    return policy.model, plan.steps, pair_loss(objective, dials, compute=compute)


def _reward(policy: Any, rows: list[PreferenceRow], settings: OptimSettings, compute: Compute) -> tuple[Any, Any, Any]:
    recipe = RewardRecipe(method="bradley_terry", center_rewards_coefficient=0.0, optim=settings)
    model = PairwiseReward.from_policy(policy, max_length=1024, method=recipe.method)
    torch.nn.init.normal_(model.classifier.score.weight, std=0.02)
    return model, pair_steps(model, rows, recipe, settings), precisely(pair_reward_loss(recipe), compute)


if __name__ == "__main__":
    print(json.dumps(asdict(drive(Lap(**json.loads(sys.argv[1]))))))
