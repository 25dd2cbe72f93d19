"""Recipes survive JSON, and refuse unknown dials and wrong types in words; the catalogue names what exists."""

import importlib
import json
from collections.abc import Callable
from typing import Any

import pytest

from training.learning import recipes
from training.learning.catalogue import METHODS
from training.learning.devices import CannotHonour, Compute, configure, cores, describe, honour, resolve
from training.learning.objectives import names
from training.learning.recipes import LoraSettings, OptimSettings, PolicyRecipe, RewardRecipe, SamplerSettings


@pytest.mark.parametrize("named", [recipes.starter_dpo, recipes.starter_reward])
def test_a_named_recipe_comes_back_from_json_as_it_went(named: Callable[[], PolicyRecipe | RewardRecipe]) -> None:
    recipe = named()
    assert type(recipe).from_json(json.loads(json.dumps(recipe.to_json()))) == recipe


def test_nested_dials_come_back_and_absent_ones_take_their_defaults() -> None:
    recipe = PolicyRecipe.from_json({"beta": 1, "lora": {"r": 4}, "optim": {"seed": 3}})
    assert recipe.beta == 1.0 and isinstance(recipe.beta, float)
    assert recipe.lora == LoraSettings(r=4) and recipe.optim == OptimSettings(seed=3)
    assert PolicyRecipe.from_json({"lora": None}).lora is None
    assert (recipe.model_pairs_share, recipe.sure, recipe.best_of) == (0.5, 0.75, 8)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        ({"bata": 1.0}, "PolicyRecipe has no bata; it has beta, label_smoothing"),
        ({"beta": "high"}, "PolicyRecipe.beta is float, not 'high'"),
        ({"beta": True}, "PolicyRecipe.beta is float, not True"),
        ({"best_of": 2.5}, "PolicyRecipe.best_of is int, not 2.5"),
        ({"lora": 3}, "PolicyRecipe.lora is LoraSettings or null, not 3"),
        ({"optim": {"lr": 1}}, "OptimSettings has no lr"),
        ({"beta": 0.0}, "beta is above 0"),
        ({"sure": 0.3}, "sure is a probability of at least 0.5"),
        ({"best_of": 1}, "best_of is at least 2"),
        ({"model_pairs_share": 1.5}, "model_pairs_share is in"),
        ({"n_prompts": -1}, "n_prompts is at least 0"),
        ({"label_smoothing": 0.5}, "label_smoothing is in"),
        ({"optim": {"lr_scheduler_type": "wavy"}}, "lr_scheduler_type is one of constant, linear, cosine"),
        ({"optim": {"learning_rate": 0.0}}, "learning_rate is above 0"),
        ({"optim": {"warmup_ratio": 2.0}}, "warmup_ratio is between"),
        ({"optim": {"batch_size": 0}}, "batch_size is at least 1"),
        ({"optim": {"num_train_epochs": 0.0}}, "num_train_epochs is above 0"),
        ({"optim": {"token_budget": 0}}, "token_budget is at least 1"),
        ({"sampler": {"temperature": -1.0}}, "temperature is at least 0"),
        ({"sampler": {"top_p": 0.0}}, "top_p is above 0"),
        ({"sampler": {"top_k": -1}}, "top_k is at least 0"),
        ({"sampler": {"max_new_tokens": 0}}, "max_new_tokens is at least 1"),
        ({"sampler": {"batch_size": 0}}, "batch_size is at least 1"),
        ([1], "PolicyRecipe is read from a JSON object, not from list"),
    ],
)
def test_a_bad_recipe_is_refused_in_words(data: Any, reason: str) -> None:
    with pytest.raises(ValueError) as refusal:
        PolicyRecipe.from_json(data)
    assert reason in str(refusal.value)


def test_settings_read_alone_too() -> None:
    assert SamplerSettings.from_json({"temperature": 0}).temperature == 0.0


def test_every_method_names_a_module_that_exists_and_every_objective_is_listed() -> None:
    keys = [method.key for method in METHODS]
    assert len(keys) == len(set(keys))
    for method in METHODS:
        assert importlib.import_module(method.module).__doc__ and method.paper and method.needs and method.summary
    assert set(names()) <= set(keys)


# Where a run computes


def test_a_background_run_leaves_a_core_and_small_models_stay_in_full_precision(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("training.learning.devices.cores", lambda: 4)
    monkeypatch.setattr("training.learning.devices.cpu_capability", lambda: "avx512_bf16")
    assert resolve(device="cpu").threads == 4
    assert resolve(device="cpu", background=True).threads == 3
    assert resolve(device="cpu", parameters=4_000_000).dtype == "float32"
    assert resolve(device="cpu", parameters=135_000_000).dtype == "bfloat16"
    monkeypatch.setattr("training.learning.devices.cpu_capability", lambda: "AVX2")
    assert resolve(device="cpu", parameters=135_000_000).dtype == "float32"


def test_a_plan_comes_back_from_json_and_is_honoured_where_it_was_made(monkeypatch: pytest.MonkeyPatch) -> None:
    threads: list[int] = []
    monkeypatch.setattr("training.learning.devices.torch.set_num_threads", threads.append)
    monkeypatch.setattr("training.learning.devices.torch.use_deterministic_algorithms", lambda *_, **__: None)
    plan = resolve(device="cpu", background=True)
    assert Compute.from_json(json.loads(json.dumps(plan.to_json()))) == plan
    honour(plan)
    configure(plan)
    assert threads == [max(1, cores() - 1)] * 2
    assert f"{plan.threads} threads" in describe(plan)
    with pytest.raises(ValueError, match="a stored compute plan has the keys"):
        Compute.from_json({"device": "cpu"})


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"capability": "amx-next"}, "begun with capability 'amx-next' and here it is"),
        ({"torch_version": "1.0"}, "begun with torch version '1.0'"),
        ({"threads": 4096}, "planned on 4096 threads"),
    ],
)
def test_a_machine_that_computes_otherwise_refuses_in_words(change: dict[str, Any], reason: str) -> None:
    plan = Compute.from_json({**resolve(device="cpu").to_json(), **change})
    with pytest.raises(CannotHonour, match=reason):
        honour(plan)


def test_a_run_planned_for_a_gpu_is_refused_without_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    plan = Compute.from_json({**resolve(device="cpu").to_json(), "device": "cuda"})
    with pytest.raises(CannotHonour, match="planned for a GPU"):
        honour(plan)
