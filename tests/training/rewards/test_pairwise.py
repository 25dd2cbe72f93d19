"""The deep reward model: plain transformers loads it and scores the same; its job learns, resumes and stops."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any, Never

import numpy as np
import pytest
import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from tests.training.learning.tiny import save_tiny, tiny_policy
from training.learning.devices import resolve
from training.learning.job import Job, Stopped
from training.learning.jobs import run_job
from training.learning.models import NoModel
from training.learning.recipes import OptimSettings, RewardRecipe
from training.learning.rewards.ensemble import RewardEnsemble
from training.learning.rewards.keeping import keep_back
from training.learning.rewards.pairwise import PairwiseReward
from training.learning.rewards.reading import head
from training.learning.rows import Message, PreferenceRow

ANSWERS = ["The sea is wide.", "The sea is deep!", "Thanks!", "Rivers, what about rivers?", "It is blue."]


def said(role: str, text: str) -> list[Message]:
    return [{"role": role, "content": text}]


def row(number: int, first: str, second: str, p: float, strength: int | None = None) -> PreferenceRow:
    return PreferenceRow(
        comparison_id=number,
        prompt=said("user", f"Tell me about sea {number}."),
        responses=(said("assistant", first), said("assistant", second)),
        response_ids=(2 * number, 2 * number + 1),
        p=p,
        strength=strength,
        weight=1.0,
        source="simulation",
        judgment_ids=(number,),
    )


def likes_questions(count: int, seed: int = 0) -> list[PreferenceRow]:
    """Judgments of somebody who prefers whatever asks something back."""
    rng = np.random.default_rng(seed)
    rows = []
    for number in range(count):
        first, second = rng.choice(ANSWERS, size=2, replace=False)
        gap = ("?" in first) - ("?" in second)
        rows.append(row(number, str(first), str(second), 0.5 + gap / 2, strength=2 * gap))
    return rows


def pairs(rows: list[PreferenceRow]) -> list[Any]:
    return [(one.prompt, side) for one in rows for side in one.responses]


@pytest.mark.parametrize("shape", ["llama", "gpt2"])
def test_a_saved_model_scores_the_same_in_plain_transformers(shape, tmp_path) -> None:
    model = PairwiseReward.from_policy(tiny_policy(tmp_path / "policy", shape=shape, chat=shape == "llama"))
    torch.nn.init.normal_(head(model.classifier).weight)
    asked = pairs(likes_questions(4))
    model.save(tmp_path / "reward", "card")
    plain = AutoModelForSequenceClassification.from_pretrained(tmp_path / "reward", num_labels=1).eval()
    tokenizer = AutoTokenizer.from_pretrained(tmp_path / "reward")
    assert len(tokenizer) == 300
    theirs = [float(plain(torch.tensor([model.tokens(*pair)])).logits[0, 0].detach()) for pair in asked]
    assert np.allclose(model.score(asked), theirs, atol=1e-4)
    assert np.ptp(theirs) > 1e-3


def test_with_a_chat_template_plain_transformers_needs_nothing_but_the_template(tmp_path) -> None:
    model = PairwiseReward.from_policy(tiny_policy(tmp_path / "policy"))
    torch.nn.init.normal_(head(model.classifier).weight)
    model.save(tmp_path / "reward", "card")
    plain = AutoModelForSequenceClassification.from_pretrained(tmp_path / "reward", num_labels=1).eval()
    tokenizer = AutoTokenizer.from_pretrained(tmp_path / "reward")
    prompt, response = said("user", "Well?"), said("assistant", "The sea.")
    rendered = tokenizer.apply_chat_template([*prompt, *response], tokenize=False).rstrip("\n")
    logit = plain(**tokenizer(rendered, return_tensors="pt", add_special_tokens=False)).logits[0, 0]
    assert float(model.score([(prompt, response)])[0]) == pytest.approx(float(logit.detach()), abs=1e-4)


def test_reading_it_back_gives_the_same_scores_and_tie_parameter(tmp_path) -> None:
    model = PairwiseReward.from_policy(tiny_policy(tmp_path / "policy"))
    torch.nn.init.normal_(head(model.classifier).weight)
    model.log_tie.data.fill_(0.25)
    other = PairwiseReward.from_policy(tiny_policy(tmp_path / "policy2", seed=3))
    RewardEnsemble((model, other)).save(tmp_path / "reward", "card")
    again = RewardEnsemble.load(tmp_path / "reward")
    asked = pairs(likes_questions(3))
    assert again.score(asked).shape == (2, 6)
    assert np.allclose(again.score(asked), [model.score(asked), other.score(asked)], atol=1e-5)
    assert PairwiseReward.load(tmp_path / "reward").log_tie.item() == 0.25


def test_a_folder_that_heed_did_not_save_is_refused(tmp_path) -> None:
    with pytest.raises(NoModel, match="train it again"):
        PairwiseReward.load(save_tiny(tmp_path / "policy"))


def test_it_starts_from_the_logistic_solution_on_its_own_states(tmp_path) -> None:
    rows = [one for one in likes_questions(80) if one.p != 0.5]
    model = PairwiseReward.from_policy(tiny_policy(tmp_path / "policy"))
    assert not model.score(pairs(rows)).any()
    sides = [((one.prompt, one.responses[0]), (one.prompt, one.responses[1])) for one in rows]
    model.start_from(sides, [one.p for one in rows], [1.0] * len(rows))
    reward = model.score(pairs(rows))
    assert np.mean((reward[0::2] > reward[1::2]) == np.array([one.p == 1.0 for one in rows])) > 0.9


def test_prompts_that_are_kept_back_stand_on_one_side_only() -> None:
    rows = likes_questions(200) + likes_questions(200, seed=1)
    train, kept = keep_back(rows)
    assert len(train) + len(kept) == 400
    assert 20 < len(kept) < 120
    assert not {one.prompt[0]["content"] for one in train} & {one.prompt[0]["content"] for one in kept}


def test_with_few_judgments_nothing_is_kept_back() -> None:
    assert keep_back(likes_questions(20)) == (likes_questions(20), [])


def reward_job(tmp_path: Path, name: str = "job", count: int = 120, **dials: Any) -> Path:
    recipe = RewardRecipe(optim=OptimSettings(learning_rate=1e-3, batch_size=16, save_steps=2), **dials)
    directory = tmp_path / name
    plan = replace(resolve(), threads=1).to_json()
    job = Job("reward", str(save_tiny(tmp_path / "base")), recipe.to_json(), compute=plan)
    job.write(directory, likes_questions(count))
    return directory


def test_a_reward_job_learns_the_taste_and_says_how_well(tmp_path) -> None:
    steps = []
    directory = reward_job(tmp_path)
    result = run_job(directory, lambda step, total, metrics: steps.append((step, total)), lambda: False)
    assert result == json.loads((directory / "result.json").read_text())
    assert result["accuracy"] > 0.85
    assert set(result["baselines"]) == {"length_only", "bag_of_words"}
    assert result["report"]["judgments"] == result["kept_back"]
    assert result["report"]["models"]["reward model"]["accuracy"]["value"] == result["accuracy"]
    assert steps == sorted(steps)
    assert steps[-1][0] <= steps[-1][1]
    fresh = [one for one in likes_questions(60, seed=9) if one.p != 0.5]
    reward = RewardEnsemble.load(directory / "model").score(pairs(fresh))[0]
    assert np.mean((reward[0::2] > reward[1::2]) == np.array([one.p == 1.0 for one in fresh])) > 0.85
    assert not (directory / "work").exists()


@pytest.mark.slow
def test_a_stopped_reward_job_goes_on_and_ends_with_the_same_weights(tmp_path) -> None:
    whole = run_job(reward_job(tmp_path), lambda *told: None, lambda: False)
    broken = reward_job(tmp_path, "broken")
    asked = iter([False, False, False, True])
    with pytest.raises(Stopped):
        run_job(broken, lambda *told: None, lambda: next(asked))
    assert run_job(broken, lambda *told: None, lambda: False)["digest"] == whole["digest"]


def test_a_job_that_is_done_is_not_done_again(tmp_path) -> None:
    directory = reward_job(tmp_path, count=30)
    first = run_job(directory, lambda *told: None, lambda: False)

    def never(*told) -> Never:
        raise AssertionError("it trained again")

    assert run_job(directory, never, lambda: False) == first


def test_a_job_of_an_unknown_kind_or_with_an_unknown_key_is_refused(tmp_path) -> None:
    Job("poem", "starter", {}).write(tmp_path)
    with pytest.raises(ValueError, match="policy, reward"):
        run_job(tmp_path, lambda *told: None, lambda: False)
    (tmp_path / "job.json").write_text(json.dumps({"kind": "reward", "base": "x", "recipe": {}, "colour": 1}))
    with pytest.raises(ValueError, match=r"job\.json"):
        Job.read(tmp_path)
