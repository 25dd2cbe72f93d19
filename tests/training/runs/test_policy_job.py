"""A policy job on a tiny model: its parts, that it moves the policy the right way, stops, resumes, refuses."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.training.learning.tiny import save_tiny
from training.learning.devices import resolve
from training.learning.job import Job, Stopped
from training.learning.jobs import run_job
from training.learning.models import load_policy, model_digest
from training.learning.online.best_against_worst import best_against_worst
from training.learning.policy_job import mixed, split_prompts
from training.learning.rationales import Reason, write_reasons
from training.learning.recipes import OptimSettings, PolicyRecipe, SamplerSettings
from training.learning.rewards.fast.features import FeatureModel
from training.learning.rows import Message, PreferenceRow
from training.learning.sampling import sample
from training.learning.scored_prompts import asks


def said(role: str, text: str) -> list[Message]:
    return [{"role": role, "content": text}]


PROMPTS = [said("user", f"Tell me about river {number}.") for number in range(24)]
SAMPLER = SamplerSettings(max_new_tokens=24)


def base(directory: Path) -> Path:
    """A random model of which many tokens end a response, so that random responses do end."""
    save_tiny(directory, scale=2.0)
    about = json.loads((directory / "generation_config.json").read_text())
    (directory / "generation_config.json").write_text(json.dumps({**about, "eos_token_id": [0, *range(270, 300)]}))
    return directory


def judged(policy: Any, seed: int = 0) -> list[PreferenceRow]:
    """Judgments of somebody who likes many words."""
    drawn = sample(policy, [prompt for prompt in PROMPTS for _ in range(4)], SAMPLER, range(seed, seed + 96))
    texts = [one.text for one in drawn]
    rows = []
    for number in range(48):
        first, second = texts[2 * number : 2 * number + 2]
        rows.append(
            PreferenceRow(
                comparison_id=number,
                prompt=PROMPTS[number // 2],
                responses=(said("assistant", first), said("assistant", second)),
                response_ids=(None, None),
                p=0.5 + 0.5 * np.sign(len(first) - len(second)),
                strength=None,
                weight=1.0,
                source="simulation",
                judgment_ids=(number,),
            )
        )
    return rows


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A base policy, its feature model and what was judged."""
    place = tmp_path_factory.mktemp("lab")
    policy = load_policy(str(base(place / "base")))
    rows = judged(policy)
    more = judged(policy, seed=1_000)
    groups = [(one.prompt, list(one.responses)) for one in [*rows, *more]]
    FeatureModel.fit(policy, groups).save(place / "features")
    return place, policy, rows


GENTLE = OptimSettings(learning_rate=2e-3, batch_size=8, save_steps=1)


def recipe(**dials: Any) -> PolicyRecipe:
    optim = OptimSettings(learning_rate=1e-2, batch_size=8, save_steps=1)
    plain = {"n_prompts": 16, "rounds": 2, "best_of": 4, "n_validation": 8, "beta": 0.05, "sampler": SAMPLER}
    return PolicyRecipe(**{**plain, "optim": optim, **dials})


def policy_job(lab: Any, directory: Path, **dials: Any) -> Path:
    place, _, rows = lab
    job = Job(
        "policy",
        str(place / "base"),
        recipe(**dials).to_json(),
        features=str(place / "features"),
        feature_policy=str(place / "base"),
        compute=replace(resolve(), threads=1).to_json(),
    )
    job.write(directory, rows, PROMPTS)
    return directory


def mean_length(policy: Any) -> float:
    drawn = sample(policy, PROMPTS * 16, SAMPLER, range(len(PROMPTS) * 16))
    return float(np.mean([len(one.text) for one in drawn]))


def test_the_policy_moves_towards_what_was_liked_and_says_how_far_it_went(lab, tmp_path) -> None:
    told = []
    directory = policy_job(lab, tmp_path / "job")
    result = run_job(directory, lambda step, total, metrics: told.append((step, total, metrics)), lambda: False)
    trained = load_policy(str(directory / "model"))
    assert result["digest"] == model_digest(directory / "model") != model_digest(lab[1].directory)
    assert mean_length(trained) > mean_length(lab[1]) + 0.5
    assert result["validation_win_probability"] > 0.5
    assert result["kl"] > 2 * result["kl_standard_error"] > 0
    assert result["kl_samples"] == 256
    assert [step for step, _, _ in told] == sorted(step for step, _, _ in told)
    assert all(step <= total for step, total, _ in told)
    assert {int(metrics["stage"]) for _, _, metrics in told} == {0, 1, 2, 3}
    assert not (directory / "work").exists()


@pytest.mark.slow
@pytest.mark.computes
def test_a_long_round_is_watched_from_within_by_what_nobody_trained_on(lab, tmp_path) -> None:
    told: list[dict[str, float]] = []
    directory = policy_job(lab, tmp_path / "job", rounds=1, model_pairs_share=0.0)
    result = run_job(directory, lambda step, total, metrics: told.append(metrics), lambda: False)
    steps = [look["step"] for look in result["watched"]]
    # Five steps, because pairs on the prompts that are kept out are left out: a look nearest to each quarter.
    assert steps == [0.0, pytest.approx(1 / 5), pytest.approx(2 / 5), pytest.approx(4 / 5), 1.0]
    first, last = result["watched"][0], result["watched"][-1]
    assert first["kl_from_incumbent"] == pytest.approx(0.0, abs=1e-4) == first["margin"]
    assert first["logps_chosen"] - last["logps_chosen"] != 0.0
    assert last["kl_from_anchor"] == last["kl_from_incumbent"] > 0.0
    assert 0.0 < last["entropy"] <= np.log(20)
    assert 0.0 <= last["accuracy"] <= 1.0 and last["margin"] != 0.0
    seen = [metrics["watch/win_probability"] for metrics in told if "watch/win_probability" in metrics]
    assert seen == [look["win_probability"] for look in result["watched"]]
    assert result["watching_seconds"] == pytest.approx(sum(look["seconds"] for look in result["watched"]))
    assert result["overoptimisation"]["start"] == first["win_probability"]
    assert result["best_round"] in (0, 1)


@pytest.mark.slow
@pytest.mark.computes
def test_a_run_stopped_anywhere_ends_with_the_same_weights(lab, tmp_path) -> None:
    whole = run_job(policy_job(lab, tmp_path / "whole"), lambda *told: None, lambda: False)
    broken = policy_job(lab, tmp_path / "broken")
    stops = 0
    for patience in (1, 6, 9, 1_000):
        asked = iter([False] * patience + [True] * 1_000)
        try:
            result = run_job(broken, lambda *told: None, lambda asked=asked: next(asked))
        except Stopped:
            stops += 1
    assert stops == 3
    assert result["digest"] == whole["digest"]
    assert result["kl"] == whole["kl"]


ON_TOKENS: list[dict[str, Any]] = [
    *({"loss_type": key} for key in ("t_reg", "srpo", "rationale", "ipl")),
    {"loss_type": "ift", "beta": 0.1},
    {"sync_ref_model": True, "ref_model_sync_steps": 2},
]


@pytest.mark.slow
@pytest.mark.computes
@pytest.mark.parametrize("dials", ON_TOKENS, ids=str)
def test_objectives_on_tokens_train_in_a_job_and_resume_to_the_same_weights(lab, tmp_path, dials) -> None:
    def laid_out(name: str) -> Path:
        directory = policy_job(lab, tmp_path / name, rounds=1, **dials)
        write_reasons(directory, [Reason(number, number, one.p, "Longer.") for number, one in enumerate(lab[2])])
        return directory

    whole = run_job(laid_out("whole"), lambda *told: None, lambda: False)
    (trained,) = whole["rounds"]
    assert trained["metrics"]["grad_norm"] > 0.0
    broken = laid_out("broken")
    asked = iter([False] * 5)
    with pytest.raises(Stopped):
        run_job(broken, lambda *told: None, lambda: next(asked, True))
    assert len(list((broken / "work" / "round-0").glob("checkpoint-*"))) == 1
    again = run_job(broken, lambda *told: None, lambda: False)
    assert (again["digest"], again["rounds"]) == (whole["digest"], [trained])
    looks = [[one["kl_from_incumbent"] for one in done["watched"]] for done in (whole, again)]
    assert looks[0] == looks[1]
    assert not (broken / "rationales.jsonl").exists()


@pytest.mark.slow
@pytest.mark.computes
@pytest.mark.parametrize(
    ("key", "dials"),
    [
        ("plackett_luce", {}),
        ("rank_dpo", {}),
        ("rrhf", {"beta": 0.1}),
        ("tpo", {}),
        ("score_dpo", {}),
        ("curry_dpo", {"rounds": 1, "optim": GENTLE}),
        ("offline_rl_alignment", {"score_threshold": 0.8}),
        ("offline_rl_alignment", {"offline_mode": "weighted", "beta": 0.2}),
        ("davidson_dpo", {}),
        ("rao_kupper_dpo", {}),
    ],
)
def test_the_policy_moves_the_same_way_by_whole_lists(lab, tmp_path, key, dials) -> None:
    directory = policy_job(lab, tmp_path / "job", loss_type=key, **dials)
    result = run_job(directory, lambda *told: None, lambda: False)
    trained = load_policy(str(directory / "model"))
    assert mean_length(trained) > mean_length(lab[1]) + 0.2
    assert all(one["fresh_pairs"] > 0 for one in result["rounds"])


BY_SCORE = {"loss_type": "offline_rl_alignment", "offline_mode": "decision_transformer", "rounds": 1}


@pytest.mark.slow
@pytest.mark.computes
@pytest.mark.parametrize("dials", [{"loss_type": "curry_dpo", "rounds": 1, "n_people": 24}, BY_SCORE], ids=str)
def test_a_run_in_stages_or_by_scores_stopped_anywhere_ends_with_the_same_weights(lab, tmp_path, dials) -> None:
    whole = run_job(policy_job(lab, tmp_path / "whole", **dials), lambda *told: None, lambda: False)
    broken = policy_job(lab, tmp_path / "broken", **dials)
    stops = 0
    for patience in (1, 2, 3, 3, 1_000):
        asked = iter([False] * patience + [True] * 1_000)
        try:
            result = run_job(broken, lambda *told: None, lambda asked=asked: next(asked))
        except Stopped:
            stops += 1
    assert stops >= 3
    assert result["digest"] == whole["digest"]


@pytest.mark.slow
@pytest.mark.computes
def test_a_policy_that_learned_from_scores_asks_for_the_best_unless_nothing_was_learned(lab, tmp_path) -> None:
    for name, limit in (("learned", 0.0), ("nothing", 1e-9)):
        directory = policy_job(lab, tmp_path / name, **BY_SCORE, max_kl=limit)
        result = run_job(directory, lambda *told: None, lambda: False)
        assert result["watched"][0]["kl_from_incumbent"] == pytest.approx(0.0, abs=1e-3)
        assert asks(load_policy(str(directory / "model"))) == (result["best_round"] == 1)
    assert result["best_round"] == 0


@pytest.mark.slow
@pytest.mark.computes
def test_a_resumed_run_does_not_sample_again(lab, tmp_path) -> None:
    directory = policy_job(lab, tmp_path / "job")
    with pytest.raises(Stopped):
        run_job(directory, lambda *told: None, lambda: True)
    (drawn,) = (directory / "work").glob("samples-*.jsonl")
    before = (drawn.stat().st_mtime_ns, drawn.read_text())
    asked = iter([False, False, True])
    with pytest.raises(Stopped):
        run_job(directory, lambda *told: None, lambda: next(asked))
    assert (drawn.stat().st_mtime_ns, drawn.read_text()) == before


@pytest.mark.slow
def test_a_killed_run_ends_with_the_same_weights(lab, tmp_path) -> None:
    whole = run_job(policy_job(lab, tmp_path / "whole"), lambda *told: None, lambda: False)
    broken = policy_job(lab, tmp_path / "broken")
    code = (
        "import sys; from pathlib import Path; from training.learning.jobs import run_job;"
        "run_job(Path(sys.argv[1]), lambda *told: None, lambda: False)"
    )
    for _ in range(2):
        child = subprocess.Popen([sys.executable, "-c", code, str(broken)], env={**os.environ, "PYTHONPATH": "."})
        deadline = time.monotonic() + 120
        known = set(broken.rglob("*"))
        while child.poll() is None and time.monotonic() < deadline and len(set(broken.rglob("*")) - known) < 6:
            time.sleep(0.02)
        child.send_signal(signal.SIGKILL)
        child.wait()
    assert run_job(broken, lambda *told: None, lambda: False)["digest"] == whole["digest"]


def test_only_peoples_pairs_are_used_when_the_share_is_none(lab, tmp_path) -> None:
    directory = policy_job(lab, tmp_path / "job", model_pairs_share=0.0, rounds=1)
    result = run_job(directory, lambda *told: None, lambda: False)
    assert [one["fresh_pairs"] for one in result["rounds"]] == [0]


def test_a_round_beyond_the_kl_limit_is_never_the_result(lab, tmp_path) -> None:
    directory = policy_job(lab, tmp_path / "job", max_kl=1e-6, rounds=1)
    result = run_job(directory, lambda *told: None, lambda: False)
    beyond = [look for look in result["watched"] if look["kl_from_anchor"] > 1e-6]
    best = max(result["watched"], key=lambda look: look["quality"])
    assert beyond and all(look["quality"] == -1.0 for look in beyond)
    assert best["kl_from_anchor"] <= 1e-6 and result["best_round"] == np.ceil(best["step"])


def test_too_few_prompts_are_refused_in_words(lab, tmp_path) -> None:
    directory = policy_job(lab, tmp_path / "job")
    (directory / "prompts.jsonl").unlink()
    with pytest.raises(ValueError, match="at least 10 training prompts"):
        run_job(directory, lambda *told: None, lambda: False)


def test_prompts_that_nobody_judged_are_kept_out_first_and_none_that_is_kept_out_teaches() -> None:
    judged = PROMPTS[: len(PROMPTS) // 2]
    training, validation = split_prompts(PROMPTS, recipe(), judged)
    assert not [prompt for prompt in validation if prompt in judged]
    assert len(training) + len(validation) == len(PROMPTS)
    assert split_prompts(PROMPTS, recipe(), PROMPTS) == split_prompts(PROMPTS, recipe())


def test_validation_prompts_are_no_training_prompts_whatever_their_order() -> None:
    one = split_prompts(PROMPTS, recipe())
    other = split_prompts(PROMPTS[::-1], recipe())
    assert one == other
    assert not {prompt[0]["content"] for prompt in one[0]} & {prompt[0]["content"] for prompt in one[1]}
    assert len(one[0]) + len(one[1]) == len(PROMPTS)


class LikesLetterA:
    """A ranker that counts a letter."""

    def read(self, pairs: Any) -> Any:
        return np.array([[float(response[0]["content"].count("a"))] for _, response in pairs])

    def utility(self, seen: Any, prompt: Any) -> Any:
        return seen[:, 0]

    def probability(self, first: Any, second: Any) -> Any:
        return 1 / (1 + np.exp(second[:, 0] - first[:, 0]))


def test_the_best_stands_against_the_worst_where_the_ranker_is_sure() -> None:
    groups = [(PROMPTS[0], ["b", "aaa", "a"]), (PROMPTS[1], ["a", "b"]), (PROMPTS[2], ["aa", "aa"])]
    rows = best_against_worst(groups, LikesLetterA(), sure=0.75)
    assert [(one.responses[0][0]["content"], one.responses[1][0]["content"]) for one in rows] == [("aaa", "b")]
    assert rows[0].p == pytest.approx(1 / (1 + np.exp(-3)))
    assert rows[0].source == "reward_model"
    assert (rows[0].comparison_id, rows[0].judgment_ids) == (None, ())


@pytest.mark.parametrize("share", [0.25, 0.5, 1.0])
def test_the_share_is_a_share_of_the_weight(lab, share) -> None:
    people = lab[2]
    fresh = best_against_worst([(PROMPTS[0], ["b", "aaa"])] * 7, LikesLetterA(), sure=0.5)
    rows = mixed(people, fresh, share)
    weights = {
        source: sum(one.weight for one in rows if one.source == source) for source in ("simulation", "reward_model")
    }
    assert weights["reward_model"] / sum(weights.values()) == pytest.approx(share)
    assert np.mean([one.weight for one in rows]) == pytest.approx(1.0)
