"""`lab rewards`: simulated data say what they are, follow the taste, and every kind of method has its own."""

import json
import random
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from tests.training.judges.chat_server import Served, chat_server
from tests.training.learning.tiny import save_tiny
from training.lab import rewards
from training.lab.reward_data import MAKERS, Answered, People, clean
from training.lab.rewards import Plan, compare_rewards, recipes
from training.learning.recipes import RewardRecipe
from training.learning.rewards.heads.rankings import ranked_items
from training.learning.rewards.methods import REWARD_METHODS
from training.learning.rewards.needs import NEEDS
from training.learning.rows import PreferenceRow


def longer(prompt: str, response: str) -> float:
    return float(len(response))


def shorter(prompt: str, response: str) -> float:
    return -float(len(response))


ANSWERED = [Answered(f"Well, {number}?", ("a" * number, "bb", "c\nddd", "ee" * 9)) for number in range(1, 13)]


def people(noise: float = 0.0) -> People:
    return People(longer, shorter, ("longer", "shorter"), noise, random.Random(0))


@pytest.mark.parametrize("kind", MAKERS)
def test_data_of_every_kind_are_labelled_as_simulated_and_follow_the_taste(kind: str) -> None:
    rows = MAKERS[kind](people(), ANSWERED, 12)
    assert {row.source for row in rows} == {"simulation"}
    if kind in NEEDS:
        assert all(NEEDS[kind].carries(row) for row in rows if row.p != 0.5)  # type: ignore[index]
    for row in rows:
        gap = len(row.responses[0][0]["content"]) - len(row.responses[1][0]["content"])
        if gap and row.criterion != "shorter":
            assert (row.p > 0.5) == (gap > 0)


def test_noise_is_a_share_of_labels_of_every_kind() -> None:
    def wrong(rows: list[PreferenceRow], honest: list[PreferenceRow]) -> bool:
        return rows != honest

    for kind, make in MAKERS.items():
        assert wrong(make(people(0.6), ANSWERED, 12), make(people(), ANSWERED, 12)), kind


def test_six_pairs_of_four_answers_are_one_ranking() -> None:
    rows = MAKERS["rankings"](people(), ANSWERED[3:], 12)
    assert [len(item.responses) for item in ranked_items(rows)] == [4, 4]


def test_what_is_held_out_is_clean_and_asks_both_criteria() -> None:
    held_out = clean(people(0.9), ANSWERED, "criteria")
    assert {row.criterion for row in held_out} == {"longer", "shorter"}
    assert all(row.p in (0.0, 1.0) for row in held_out)


def test_the_lab_knows_every_method_and_asks_a_judge_only_where_one_is_named_and_set() -> None:
    judged = {key for key, method in REWARD_METHODS.items() if method.judge}
    for judge in (False, True):
        assert set(REWARD_METHODS) - judged <= set(recipes(judge=judge)) and not judged & set(recipes(judge=judge))
    assert list(recipes(sorted(judged), judge=True)) == sorted(judged)
    with pytest.raises(ValueError, match="tool_augmented asks a language model, and none is set: give HEED_JUDGE_URL"):
        recipes(["davidson", "tool_augmented"])
    with pytest.raises(ValueError, match="no reward method 'poem' for the lab"):
        recipes(["poem"])
    with pytest.raises(ValueError, match="at least 20 labels"):
        Plan("warmth", labels=3)


def test_a_method_that_fails_is_a_row_and_one_that_refuses_its_data_is_left_out(tmp_path: Path, monkeypatch) -> None:
    class Plain:
        def __init__(self, plan: Plan) -> None:
            pass

        def rows(self, kind: str) -> tuple[list[PreferenceRow], list[PreferenceRow]]:
            return MAKERS["pairs"](people(), ANSWERED, 12), []

    good = {"accuracy": {"value": 0.75, "n": 12}, "best_of_4": {"value": 0.5}, "seconds": 1.0}
    lucky = False

    def measured(ground: object, recipe: RewardRecipe, rows: object, client: None) -> dict[str, object]:
        if recipe.method == "implicit" and not lucky:
            raise ValueError("out of luck")
        return good

    monkeypatch.setattr(rewards, "Ground", Plain)
    monkeypatch.setattr(rewards, "measured", measured)
    said: list[str] = []
    chosen, path = recipes(["davidson", "implicit", "stepwise"]), tmp_path / "rewards.json"
    first = compare_rewards(Plan("brevity"), chosen, path, said.append)
    assert [row["method"] for row in first["rows"]] == ["davidson", "implicit"]
    assert first["rows"][1]["error"] == "ValueError: out of luck"
    assert said[1] == "implicit: ValueError: out of luck"
    assert said[2].startswith("left out: stepwise learns from steps")
    lucky = True
    again = compare_rewards(Plan("brevity"), chosen, path, said.append)
    assert [row.get("error") for row in again["rows"]] == [None, None]


@pytest.mark.slow
def test_methods_are_trained_on_their_own_data_and_a_second_call_repeats_nothing(tmp_path: Path) -> None:
    base = save_tiny(tmp_path / "base")
    plan = Plan("brevity", labels=24, prompts=24, policy=str(base))
    told: list[str] = []
    path = tmp_path / "rewards.json"
    chosen = recipes(["davidson", "context_aware", "stepwise", "plackett_luce_pessimism"])
    result = compare_rewards(plan, chosen, path, told.append)
    assert [row["data"] for row in result["rows"]] == ["pairs", "criteria", "steps", "rankings"]
    assert all(row["parameters"] > 10_000 and row["accuracy"]["n"] > 0 for row in result["rows"])
    assert json.loads(path.read_text()) == result
    assert compare_rewards(plan, chosen, path, told.append)["rows"] == result["rows"]
    assert len(told) == 4


def judging(asked: dict[str, Any]) -> Served:
    """What each method asks for."""
    number, told = int(asked["seed"]), asked["messages"][0]["content"]
    if "reward functions" in told:
        return Served(f"```\nreward = {['words', '-words', 'questions'][number % 3]}\n```")
    return Served("Rationale: It is clear." if "You work in turns" in told else "It is clear.")


@pytest.mark.slow
def test_a_judge_that_is_set_writes_for_the_lab_s_methods(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    keys, path = ["critique_based", "tool_augmented", "in_context_reward_code"], tmp_path / "rewards.json"
    words = ["rewards", "--methods", ",".join(keys), "--taste", "brevity", "--labels", "20", "--prompts", "24"]
    with chat_server(judging) as server:
        monkeypatch.setenv("HEED_JUDGE_URL", server.url)
        monkeypatch.setenv("HEED_JUDGE_MODEL", "test")
        call_command("lab", *words, "--policy", str(save_tiny(tmp_path / "base")), "--json", str(path))
    rows = json.loads(path.read_text())["rows"]
    assert [row["method"] for row in rows] == keys and not any("error" in row for row in rows)
    assert [row["judge"]["texts"] for row in rows] == [40, 40, 30] and rows[0]["judge"]["model"] == "test"
    assert "tool_augmented: " in capsys.readouterr().err
