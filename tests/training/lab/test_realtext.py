"""Reward models on real text: nobody is predicted by a model that saw the prompt or the writers' families."""

import json
from io import StringIO
from pathlib import Path

import numpy as np
import pytest
from django.core.management import CommandError, call_command
from hypothesis import given
from hypothesis import strategies as st

from training.lab import realtext
from training.learning.evaluation.unseen import family, halves, unseen_folds

WRITERS = st.tuples(st.sampled_from("abcde"), st.sampled_from("abcde"))


@given(st.lists(st.tuples(st.sampled_from("pqrst"), WRITERS), min_size=1, max_size=40), st.integers(2, 3))
def test_no_pair_is_predicted_by_who_saw_its_prompt_or_its_writers(pairs, count) -> None:
    prompts, writers = [prompt for prompt, _ in pairs], [told for _, told in pairs]
    tested = []
    for fold in unseen_folds(prompts, writers, count):
        tested += fold.test
        assert not {prompts[n] for n in fold.train} & {prompts[n] for n in fold.test}
        assert not {w for n in fold.train for w in writers[n]} & {w for n in fold.test for w in writers[n]}
    half = halves(writers)
    assert sorted(tested) == [n for n, pair in enumerate(writers) if half[pair[0]] == half[pair[1]]]


def test_without_writers_every_pair_is_predicted_once_by_other_prompts() -> None:
    prompts = [f"prompt {n % 7}" for n in range(30)]
    folds = unseen_folds(prompts, [()] * 30)
    assert sorted(place for fold in folds for place in fold.test) == list(range(30))
    assert all(len(fold.train) + len(fold.test) == 30 for fold in folds)


def test_siblings_are_one_family() -> None:
    assert family("model:claude-2.1_concise") == family("claude") == "claude"
    assert family("7b") == "b" and family("42") == "42"


@pytest.mark.parametrize("where", [None, "file", "-"])
def test_the_table_is_printed_and_progress_told_beside_it(where: str | None, monkeypatch, tmp_path: Path) -> None:
    def found(plan: object, path: Path, labels: str, say: realtext.Say) -> dict[str, object]:
        say("fold 1 of 1")
        figure = {"value": 0.5, "low": 0.4, "high": 0.6}
        models = {"posterior": {"accuracy": figure, "matched": figure}}
        told = {"file": path.name, "pairs": 3, "labels": labels, "split": "by prompt", "drawn": 3, "matched": 1}
        return {**told, "models": models, "gain_matched": {}}

    monkeypatch.setattr(realtext, "_of_file", found)
    out, err = StringIO(), StringIO()
    json_to = str(tmp_path / "found.json") if where == "file" else where
    call_command("bench", "realtext", file=tmp_path / "pairs.jsonl", json=json_to, stdout=out, stderr=err)
    assert "fold 1 of 1" in err.getvalue()
    assert ("posterior" in err.getvalue()) == (where == "-")
    if where == "-":
        assert json.loads(out.getvalue())["sets"][0]["pairs"] == 3
    else:
        assert "labels: model: GPT-4" in out.getvalue() and "fold" not in out.getvalue()


@pytest.mark.slow
def test_the_bench_compares_on_length_matched_pairs(tiny_directory: Path, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    rows = []
    for number in range(320):
        words = int(rng.integers(8, 12))
        good, bad = ("kind " * words).strip(), ("rude " * (words + int(rng.integers(0, 9)))).strip()
        writers = [f"{rng.choice(['red', 'blue', 'green', 'grey'])}-{n}" for n in range(2)]
        rows.append(
            {
                "prompt": f"Ask {number}",
                "chosen": good,
                "rejected": bad,
                "chosen_model": writers[0],
                "rejected_model": writers[1],
            }
        )
    path, out = tmp_path / "pairs.jsonl", tmp_path / "found.json"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    printed = StringIO()
    words = (
        "--file",
        str(path),
        "--people",
        str(path),
        "--base",
        str(tiny_directory),
        "--deep-pairs",
        "0",
        "--test-pairs",
        "5",
    )
    call_command("bench", "realtext", *words, "--json", str(out), stderr=StringIO(), stdout=printed)
    [one, other] = json.loads(out.read_text())["sets"]
    assert (one["labels"], other["labels"]) == ("model: GPT-4", "people")
    assert one["split"] == "by prompt and by model family" and one["matched"] > 5 and one["drawn"] == 20
    assert one["models"]["posterior"]["matched"]["value"] == 1.0
    assert one["gain_matched"]["posterior"]["length_only"]["value"] > 0.0
    assert "labels: model: GPT-4" in printed.getvalue() and "less length_only" in printed.getvalue()


def test_a_file_that_is_not_there_is_an_error_in_words() -> None:
    with pytest.raises(CommandError, match="there is no file"):
        call_command("bench", "realtext", "--file", "/no/such.jsonl", stderr=StringIO())
