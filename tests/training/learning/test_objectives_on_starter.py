"""Every objective of the catalogue retrains the starter policy on real responses, as the catalogue begins it."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from training.learning.catalogue import METHODS
from training.learning.devices import resolve
from training.learning.lists import RankedList
from training.learning.logprobs import LogprobCache, response_logprobs
from training.learning.models import Policy, find_model, load_policy
from training.learning.objectives import Listed, objective_of
from training.learning.objectives.training import Material, preference_stages, preference_training
from training.learning.optimise import optimise
from training.learning.recipes import OptimSettings, PolicyRecipe, SamplerSettings, starter_dpo
from training.learning.rows import Message, PreferenceRow
from training.learning.sampling import sample
from training.learning.scored_prompts import asking, not_asking, with_score
from training.learning.starter.prompts import training_prompts

pytestmark = [pytest.mark.slow, pytest.mark.computes]
# DiscoPOP's slope at the reference points the wrong way (test_objective_family.py), so a short training follows it.
OBJECTIVES = {method.key: method for method in METHODS if method.kind == "objective" and method.key != "discopop"}
PROMPTS: list[list[Message]] = [[{"role": "user", "content": text}] for text in training_prompts(48, seed=3)]
SAMPLER = SamplerSettings(max_new_tokens=64)
SETTINGS = OptimSettings(learning_rate=3e-4, batch_size=16, num_train_epochs=2.0, token_budget=2048)


EACH = 4


def drawn_texts(policy: Policy) -> list[list[str]]:
    """A few responses to each prompt."""
    asked = [prompt for prompt in PROMPTS for _ in range(EACH)]
    drawn = [one.text for one in sample(policy, asked, SAMPLER, range(len(asked)))]
    return [drawn[start : start + EACH] for start in range(0, len(drawn), EACH)]


def whole_lists(texts: list[list[str]]) -> list[RankedList]:
    """The same responses all at once, ranked and scored by their shortness."""
    lists = []
    for prompt, mine in zip(PROMPTS, texts, strict=True):
        ranks = tuple(1 + sum(len(other) < len(text) for other in mine) for text in mine)
        scores = tuple(float(np.mean([np.sign(len(other) - len(text)) for other in mine])) for text in mine)
        answers = tuple([Message(role="assistant", content=text)] for text in mine)
        lists.append(RankedList(prompt, answers, ranks, tuple(0.5 + 0.5 * score for score in scores)))
    return lists


def preferring_short(texts: list[list[str]]) -> list[PreferenceRow]:
    rows = []
    for number, prompt in enumerate(PROMPTS):
        first, second = texts[number][:2]
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
    texts = drawn_texts(starter)
    return starter, preferring_short(texts), whole_lists(texts), tmp_path_factory.mktemp("reference")


def preference(policy: Policy, rows: list[PreferenceRow]) -> np.ndarray[Any, Any]:
    """log π(preferred) − log π(other) of each row."""
    groups = [policy.text.group(row.prompt, row.responses, max_length=256) for row in rows]
    sums = np.array([[float(values.sum()) for values in pair] for pair in response_logprobs(policy, groups)])
    sign = np.array([1.0 if row.p == 1.0 else -1.0 for row in rows])
    return sign * (sums[:, 0] - sums[:, 1])


def train(given: Material, directory: Path) -> None:
    for place, stage in enumerate(preference_stages(given)):
        training = preference_training(stage)
        done = optimise(
            given.policy.model, training.steps, training.loss, SETTINGS, directory=directory / f"run-{place}"
        )
        assert done.finished and np.isfinite(done.metrics["loss"])


CASES: list[tuple[str, dict[str, Any]]] = [(key, {}) for key in sorted(OBJECTIVES)]
CASES += [("offline_rl_alignment", {"offline_mode": "weighted"})]
SOON = {"tr_dpo": {"ref_model_sync_steps": 2}}  # these trainings are short
CASES += [("sigmoid", {**one.recipe, **SOON.get(one.key, {})}) for one in METHODS if one.kind == "modifier"]


@pytest.mark.parametrize(("key", "dials"), CASES, ids=str)
def test_the_policy_comes_to_prefer_what_people_preferred(
    key: str, dials: dict[str, Any], judged: Any, tmp_path: Path
) -> None:
    starter, rows, lists, known = judged
    recipe = PolicyRecipe.from_json({**starter_dpo().to_json(), **OBJECTIVES[key].recipe, **dials})
    policy = load_policy(find_model("starter"))
    cache = LogprobCache(known, "s" * 64)
    wholes = lists[:16] if isinstance(objective_of(recipe), Listed) else ()
    train(Material(policy, rows, recipe, SETTINGS, starter, cache, resolve(background=True), wholes), tmp_path)
    assert (preference(policy, rows) - preference(starter, rows)).mean() > 0.1


def test_a_policy_conditioned_on_scores_answers_by_the_score_that_it_is_asked_for(judged: Any, tmp_path: Path) -> None:
    starter, rows, _, _ = judged
    dials = {"loss_type": "offline_rl_alignment", "offline_mode": "decision_transformer"}
    recipe = PolicyRecipe.from_json({**starter_dpo().to_json(), **dials})
    policy = asking(load_policy(find_model("starter")))
    train(Material(policy, rows, recipe, SETTINGS, starter, None, resolve(background=True)), tmp_path)
    plain = not_asking(policy)
    best, worst = (
        preference(plain, [replace(row, prompt=with_score(row.prompt, score)) for row in rows]) for score in (1.0, 0.0)
    )
    assert preference(policy, rows) == pytest.approx(best)
    assert (best - worst).mean() > 0.1
