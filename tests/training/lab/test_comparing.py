"""Objectives compared in the lab: rows that survive a kill, what they come to, and their picture."""

import json
import random
import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.core.management import CommandError, call_command

from tests.training.learning.tiny import save_tiny
from training.lab import comparing
from training.lab.annotators import Annotator
from training.lab.comparing import Plan, compare, objectives
from training.lab.drawing import save_charts
from training.lab.ledger import Ledger, OtherPlan
from training.lab.simulated import judged_pairs, ranked_lists
from training.lab.summing_up import outcomes, plot, summary
from training.lab.tastes import brevity
from training.learning.catalogue import METHODS
from training.learning.recipes import starter_dpo
from training.learning.sampling import Sample


def drawn(*texts: str) -> list[Sample]:
    return [Sample(text, (1,), (-1.0,), True) for text in texts]


def test_judgments_are_rows_that_say_they_were_simulated() -> None:
    person = Annotator(brevity, random.Random(0), noise=0.0)
    long, short = "word " * 40, "word " * 12
    rows = judged_pairs(person, ["a", "b"], [drawn(long, short, short), drawn(short, long, long)], 5)
    assert [row.p for row in rows] == [0.0, 0.0, 0.5, 1.0, 1.0]
    assert {row.source for row in rows} == {"simulation"}
    assert [row.prompt[0]["content"] for row in rows] == ["a"] * 3 + ["b"] * 2


def test_a_list_is_ranked_and_scored_by_the_verdicts_that_it_won() -> None:
    person = Annotator(brevity, random.Random(0), noise=0.0)
    (ranked,) = ranked_lists(person, ["a"], [drawn("word " * 40, "word " * 12, "word " * 25, "word " * 12)])
    assert ranked.ranks == (4, 1, 3, 1)
    assert ranked.scores == pytest.approx((0.0, 2.5 / 3, 1 / 3, 2.5 / 3))
    assert ranked.source == "simulation"


def test_rows_survive_a_kill_in_the_middle_of_a_line(tmp_path: Path) -> None:
    path = tmp_path / "result.json"
    Ledger(path, {"labels": 3}).add({"method": "a"})
    with (tmp_path / "result.json.part").open("a") as out:
        out.write('{"method": "b", "win')
    again = Ledger(path, {"labels": 3})
    assert again.rows == [{"method": "a"}]
    again.add({"method": "b"})
    assert [row["method"] for row in Ledger(path, {"labels": 3}).rows] == ["a", "b"]
    again.finish({"summary": []})
    assert json.loads(path.read_text()) == {"plan": {"labels": 3}, "rows": again.rows, "summary": []}
    assert not path.with_name("result.json.part").exists()
    assert Ledger(path, {"labels": 3}).rows == again.rows
    with pytest.raises(OtherPlan, match="another plan"):
        Ledger(path, {"labels": 4})


def a_row(method: str, seed: int, letters: str, **more: Any) -> dict[str, Any]:
    rate = float(np.mean([{"w": 1.0, "t": 0.5, "l": 0.0}[letter] for letter in letters]))
    plain = {
        "kl": 2.0,
        "kl_se": 0.3,
        "seconds": 5.0,
        "cpu_seconds": 4.0,
        "labels": 20,
        "gold": 1.0,
        "mean_words": 30.0,
        "ended": 1.0,
    }
    return {"method": method, "seed": seed, "win_rate": rate, "outcomes": letters, **plain, **more}


def test_a_summary_pools_seeds_by_prompt_and_keeps_what_failed() -> None:
    rows = [
        a_row("plain", 0, "wwll", kl=1.0),
        a_row("plain", 1, "wwtl", kl=3.0),
        a_row("good", 0, "wwwl"),
        {"method": "good", "seed": 1, "error": "Diverged: no", "seconds": 1.0},
        {"method": "bad", "seed": 0, "error": "ValueError: no", "seconds": 1.0},
    ]
    best, plain, bad = summary(rows)
    assert (best["method"], best["seeds"], best["errors"]) == ("good", 1, ["Diverged: no"])
    assert (plain["win_rate"], plain["kl"]) == pytest.approx((0.5625, 2.0))
    assert plain["kl_se"] == pytest.approx(0.3 / 2**0.5)
    assert (plain["win_rate_least"], plain["win_rate_most"]) == (0.5, 0.625)
    assert plain["low"] < 0.5625 < plain["high"]
    assert bad == {"method": "bad", "seeds": 0, "errors": ["ValueError: no"]}


def test_the_letters_count_as_the_win_rate_does() -> None:
    assert outcomes(np.array([1.0, 2.0, 3.0]), np.array([0.0, 2.0 + 1e-12, 4.0])) == "wtl"


def test_the_picture_is_a_file_of_its_own_with_its_colours_inside(tmp_path: Path) -> None:
    lines = summary([a_row("plain", 0, "wwll"), a_row("good", 0, "wwwl", kl=4.0)])
    save_charts(tmp_path / "plot.svg", [("Win rate", plot([*lines, {"method": "bad", "seeds": 0}], "Win rate"))])
    root = ET.parse(tmp_path / "plot.svg").getroot()
    words = " ".join(root.itertext())
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert "1 good" in words and "2 plain" in words and "prefers-color-scheme:dark" in words


def test_all_objectives_of_the_catalogue_are_compared_unless_some_are_named() -> None:
    assert len(objectives()) == sum(method.kind == "objective" for method in METHODS)
    [robust] = objectives(["robust:label_smoothing=0.25:beta=0.2"])
    assert robust.key == "robust:label_smoothing=0.25:beta=0.2"
    assert (robust.recipe["loss_type"], robust.recipe["label_smoothing"], robust.recipe["beta"]) == (
        "robust",
        0.25,
        0.2,
    )
    for wrong, words in (("ipo:beta", "KEY:DIAL=VALUE"), ("ipo:bata=1", "bata"), ("robust:label_smoothing=2", "label")):
        with pytest.raises(ValueError, match=words):
            objectives([wrong])
    assert [method.key for method in objectives(["kto", "ipo"])] == ["kto", "ipo"]
    with pytest.raises(ValueError, match="no objective 'lora'; there are alpha_po"):
        objectives(["lora"])


@pytest.mark.parametrize("wrong", [{"labels": 3}, {"prompts": 10}, {"noise": 2.0}, {"taste": "sour"}])
def test_a_plan_without_a_meaning_is_refused_in_words(wrong: dict[str, Any], tmp_path: Path) -> None:
    options = {"taste": "brevity", "json": tmp_path / "x.json", **wrong}
    with pytest.raises(CommandError):
        call_command("lab", "compare", **options)


@pytest.mark.slow
def test_a_method_that_fails_is_a_row_and_is_tried_again_where_the_others_are_kept(tmp_path, monkeypatch) -> None:
    tiny = save_tiny(tmp_path / "tiny", scale=2.0)
    recipe = starter_dpo()
    short = replace(recipe, sampler=replace(recipe.sampler, max_new_tokens=6))
    monkeypatch.setattr(comparing, "starter_dpo", lambda: short)
    plan = Plan("brevity", labels=20, epochs=1.0, policy=str(tiny))
    said: list[str] = []

    def broken(self: Any, given: Any) -> Any:
        if given.recipe.loss_type == "ipo":
            raise RuntimeError("out of luck")
        return trained(self, given)

    trained = comparing.Comparison._train
    monkeypatch.setattr(comparing.Comparison, "_train", broken)
    some = objectives(["sigmoid", "ipo", "rrhf"])
    first = compare(plan, some, 1, tmp_path / "out.json", said.append)
    assert [row.get("error") for row in first["rows"]] == [None, "RuntimeError: out of luck", None]
    assert first["rows"][2]["labels"] == 18  # three lists of four, six verdicts each
    good = first["rows"][0]
    assert (good["labels"], good["steps"], len(good["outcomes"])) == (20, 2.0, 256)
    assert 0.0 <= good["low"] <= good["win_rate"] <= good["high"] <= 1.0
    monkeypatch.setattr(comparing.Comparison, "_train", trained)
    again = compare(plan, some, 1, tmp_path / "out.json", said.append)
    assert again["rows"][0] == good and all("win_rate" in row for row in again["rows"])
    assert [line.split(" ")[0] for line in said] == ["sigmoid", "ipo", "rrhf", "ipo"]
