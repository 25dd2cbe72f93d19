"""Every objective of the catalogue retrains the starter policy on real responses, as the catalogue begins it."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from training.learning.catalogue import METHODS
from training.learning.devices import resolve
from training.learning.logprobs import LogprobCache, response_logprobs
from training.learning.models import Policy, find_model, load_policy
from training.learning.objectives.training import Material, preference_training
from training.learning.optimise import optimise
from training.learning.recipes import OptimSettings, PolicyRecipe, SamplerSettings, starter_dpo
from training.learning.rows import Message, PreferenceRow
from training.learning.sampling import sample
from training.learning.starter.prompts import training_prompts

pytestmark = pytest.mark.slow
# DiscoPOP's slope at the reference points the wrong way (test_objective_family.py), so a short training follows it.
OBJECTIVES = {method.key: method for method in METHODS if method.kind == "objective" and method.key != "discopop"}
PROMPTS: list[list[Message]] = [[{"role": "user", "content": text}] for text in training_prompts(48, seed=3)]
SAMPLER = SamplerSettings(max_new_tokens=64)
SETTINGS = OptimSettings(learning_rate=3e-4, batch_size=16, num_train_epochs=2.0, token_budget=2048)


def preferring_short(policy: Policy) -> list[PreferenceRow]:
    drawn = sample(policy, [prompt for prompt in PROMPTS for _ in range(2)], SAMPLER, range(2 * len(PROMPTS)))
    rows = []
    for number, prompt in enumerate(PROMPTS):
        first, second = (one.text for one in drawn[2 * number : 2 * number + 2])
        sides: tuple[list[Message], list[Message]] = (
            [{"role": "assistant", "content": first}],
            [{"role": "assistant", "content": second}],
        )
        label = float(len(first) < len(second))
        why = "It is shorter." if number % 2 else ""  # some say why; only rationales are learned from that
        rows.append(PreferenceRow(number, prompt, sides, (None, None), label, None, 1.0, "simulation", (number,), why))
    return rows


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> Any:
    starter = load_policy(find_model("starter"))
    return starter, preferring_short(starter), tmp_path_factory.mktemp("reference")


def preference(policy: Policy, rows: list[PreferenceRow]) -> np.ndarray[Any, Any]:
    """log π(preferred) − log π(other) of each row."""
    groups = [policy.text.group(row.prompt, row.responses, max_length=256) for row in rows]
    sums = np.array([[float(values.sum()) for values in pair] for pair in response_logprobs(policy, groups)])
    sign = np.array([1.0 if row.p == 1.0 else -1.0 for row in rows])
    return sign * (sums[:, 0] - sums[:, 1])


@pytest.mark.parametrize("key", sorted(OBJECTIVES))
def test_the_policy_comes_to_prefer_what_people_preferred(key: str, judged: Any, tmp_path: Path) -> None:
    starter, rows, known = judged
    recipe = PolicyRecipe.from_json({**starter_dpo().to_json(), **OBJECTIVES[key].recipe})
    policy = load_policy(find_model("starter"))
    cache = LogprobCache(known, "s" * 64)
    training = preference_training(
        Material(policy, rows, recipe, SETTINGS, starter, cache, compute=resolve(background=True))
    )
    done = optimise(policy.model, training.steps, training.loss, SETTINGS, directory=tmp_path / "run")
    assert done.finished and np.isfinite(done.metrics["loss"])
    assert (preference(policy, rows) - preference(starter, rows)).mean() > 0.1
