"""Reports on reward models: a project's judgments, files in published formats, and errors that say what to do."""

import gzip
import json
from collections.abc import Sequence
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.core.management import CommandError, call_command

from labeling.models import Arm, Project, Split
from tests.training.cast import a_comparison, a_judgment, a_person, a_policy, a_project, a_prompt, a_response
from training.evaluating import scorers
from training.evaluating.command import written
from training.evaluating.files import UnreadableFile, read_items
from training.evaluating.of_file import report_on_file
from training.evaluating.of_project import report_on_project
from training.evaluating.scorers import Asked, of_project
from training.evaluating.votes import write_votes
from training.learning.models import NoModel
from training.learning.rewards.ensemble import RewardEnsemble
from training.learning.rewards.fast.states import Pair
from training.learning.rewards.interface import Scored
from training.learning.rows import PreferenceRow
from training.models import Prediction


class Longer(Scored):
    """A reward that is the number of characters: whoever reads the report knows what it must say."""

    def score(self, pairs: Sequence[Pair]) -> np.ndarray[Any, np.dtype[np.float64]]:
        return np.array([float(sum(len(turn["content"]) for turn in response)) for _, response in pairs])

    def save(self, directory: Path, card: str) -> None:
        raise NotImplementedError


LONGER = RewardEnsemble((Longer(),))


def a_file(place: Path, rows: list[dict[str, Any]], name: str = "items.jsonl") -> Path:
    path = place / name
    text = "".join(json.dumps(row) + "\n" for row in rows)
    path.write_bytes(gzip.compress(text.encode()) if name.endswith(".gz") else text.encode())
    return path


PAIRS = [{"prompt": f"Ask {n}?", "chosen": "yes " * (n + 2), "rejected": "no " * 3} for n in range(4)]


def test_a_file_of_pairs_is_reported_on_with_its_lengths(tmp_path: Path) -> None:
    told = report_on_file(LONGER, a_file(tmp_path, PAIRS, "pairs.jsonl.gz"), "trl")
    assert told["items"] == 4 and told["models"]["reward model"]["accuracy"]["value"] == 0.75
    assert told["length"]["right_when_longer"]["value"] == 1.0
    assert json.loads(json.dumps(told, allow_nan=False)) == told


def test_rewardbenchs_rows_are_scored_by_section(tmp_path: Path) -> None:
    rows = [{**row, "subset": "alpacaeval-easy" if n else "hep-cpp", "id": n} for n, row in enumerate(PAIRS)]
    told = report_on_file(LONGER, a_file(tmp_path, rows), "rewardbench")
    assert told["sections"]["Chat"]["value"] == 1.0 and told["sections"]["Reasoning"]["value"] == 0.0
    assert told["score"]["value"] == 0.5


def test_parquet_is_read_as_lines_are(tmp_path: Path) -> None:
    import pyarrow
    from pyarrow import parquet

    path = tmp_path / "trios.parquet"
    parquet.write_table(pyarrow.Table.from_pylist([{**row, "subset": "bug"} for row in PAIRS]), path)
    assert report_on_file(LONGER, path, "rewardbench")["sections"]["Own"]["value"] == 0.75


def test_one_right_answer_among_wrong_ones(tmp_path: Path) -> None:
    rows = [
        {"prompt": "2+2?", "chosen": "It is four.", "rejected": ["five"] * 9},
        {"prompt": "2+3?", "chosen": ["five"], "rejected": ["four", "It is seven."], "domain": "sums"},
    ]
    told = report_on_file(LONGER, a_file(tmp_path, rows), "one_to_many")
    assert told["all"]["accuracy"]["value"] == 0.5
    assert told["by_domain"]["sums"]["mrr"]["value"] == pytest.approx(1 / 3)  # one longer, one as long


def test_ppes_votes_and_verified_samples_stand_in_one_file(tmp_path: Path) -> None:
    votes = [
        {
            "prompt": f"Ask {n}",
            "response_1": "x" * (n % 4),
            "response_2": "xx",
            "winner": "model_a" if n % 4 > 1 else "model_b",
        }
        | {"model_1": f"m{n % 3}", "model_2": f"m{(n + 1) % 3}", "domain": "chat"}
        for n in range(12)
    ]
    for vote in votes:
        vote["winner"] = {"model_a": "model_1", "model_b": "model_2"}[str(vote["winner"])]
    samples = [{"prompt": "2+2?", "responses": ["four!", "5"], "correct": [True, False], "domain": "sums"}] * 2
    told = report_on_file(LONGER, a_file(tmp_path, [*votes, *samples]), "ppe")
    assert told["preference"]["accuracy"]["n"] == 12
    assert told["correctness"]["end_score"]["value"] == 1.0


@pytest.mark.parametrize(
    ("kind", "row", "says"),
    [
        ("trl", {"text": "x"}, "no format has the fields"),
        ("rewardbench", {"prompt": "a", "chosen": "b", "rejected": "c"}, "it has no 'subset'"),
        ("one_to_many", {"prompt": "a", "chosen": "b", "rejected": "c"}, "list of the wrong responses"),
        ("ppe", {"prompt": "a", "response_1": "b", "response_2": "c", "winner": "me"}, "write model_1"),
        ("ppe", {"prompt": "a", "responses": ["b"], "correct": [True]}, "two or more responses"),
        ("ppe", {"prompt": "a", "responses": ["b", "c"], "correct": ["true", "false"]}, "write true or false"),
        ("ppe", {"prompt": "a", "responses": ["b", "c"], "correct": [2, 0]}, "write true or false"),
        ("ppe", {"prompt": "a", "responses": ["b", "c"], "correct": "10"}, "correct is a list"),
        ("rewardbench", {"prompt": 3, "chosen": "b", "rejected": "c", "subset": "s"}, "prompt is a text"),
        ("rewardbench", {"prompt": [{"role": "user"}], "chosen": "b", "rejected": "c", "subset": "s"}, "has a role"),
    ],
)
def test_a_row_that_cannot_be_used_is_named(tmp_path: Path, kind: str, row: dict[str, Any], says: str) -> None:
    with pytest.raises(UnreadableFile, match=f"row 1.*{says}"):
        read_items(a_file(tmp_path, [row]), kind)


def heeds_row(answer: int, shown: tuple[int, int] = (0, 1)) -> dict[str, Any]:
    judgment = {"id": "j", "rater": "ann", "answer": answer, "order_shown": list(shown), "source": "person"}
    sides = [{"messages": [{"role": "assistant", "content": text}]} for text in ("yes", "no")]
    prompt = {"messages": [{"role": "user", "content": "Shall we?"}]}
    return {"heed": 1, "prompt": prompt, "responses": sides, "judgments": [judgment]}


@pytest.mark.parametrize(
    ("answer", "good"), [(1, 1.0), (2, 1.0), (3, 1.0), (4, 0.5), (5, 0.0), (6, 0.0), (7, 0.0), (9, 0.5)]
)
def test_a_row_of_heeds_own_is_read_by_the_side_that_was_preferred(tmp_path: Path, answer: int, good: float) -> None:
    rows = [heeds_row(answer), heeds_row(answer, (1, 0))]
    assert [item.good[0] for item in read_items(a_file(tmp_path, rows), "trl")] == [good, 1.0 - good]


def test_a_row_of_heeds_own_that_prefers_nothing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFile, match=r"row 1.*leave the row out"):
        read_items(a_file(tmp_path, [heeds_row(0)]), "trl")


@pytest.mark.parametrize(
    ("garbage", "says"), [(b"{oh no", "not JSON"), (b'"\xff"', "not UTF-8"), (b"3", "JSON object")]
)
def test_a_broken_line_is_named_by_its_place_in_the_file(tmp_path: Path, garbage: bytes, says: str) -> None:
    path = a_file(tmp_path, PAIRS[:1])
    path.write_bytes(path.read_bytes() + b"\n" + garbage + b"\n")
    with pytest.raises(UnreadableFile, match=f"items.jsonl, line 3: .*{says}"):
        read_items(path, "trl")


def test_a_file_that_is_none_says_so(tmp_path: Path) -> None:
    for path, says in (
        (tmp_path / "nowhere.jsonl", "there is no file"),
        (a_file(tmp_path, [], "empty.jsonl"), "holds no row"),
        (tmp_path / "broken.parquet", "no Parquet file"),
        (tmp_path / "words.jsonl", "words.jsonl"),
    ):
        if path.name == "broken.parquet":
            path.write_bytes(b"PAR1")
        if path.name == "words.jsonl":
            path.write_text("not json")
        with pytest.raises(UnreadableFile, match=says):
            read_items(path, "trl")
    votes = [{"prompt": "a", "response_a": "b", "response_b": "c", "winner": "tie"}]
    with pytest.raises(UnreadableFile, match="name the models"):
        report_on_file(LONGER, a_file(tmp_path, votes, "votes.jsonl"), "ppe")


def judged_project() -> tuple[Project, set[int]]:
    """People prefer the longer answer; version 2 writes longer ones. Returns the judgments on training prompts."""
    project = a_project()
    versions = [a_policy(project, number) for number in (1, 2)]
    people = [a_person(project) for _ in range(2)]
    trained = set()
    for number in range(24):
        held = number % 3 == 0
        prompt = a_prompt(project, f"Tell me of matter {number}.", Split.HELD_OUT if held else Split.TRAIN)
        sides = [a_response(prompt, "word " * (3 + 4 * n) + str(number), version) for n, version in enumerate(versions)]
        comparison = a_comparison(prompt, *sides, arm=Arm.RANDOM if number % 2 else Arm.CHOSEN)
        for person in people:
            judgment = a_judgment(comparison, 6 if number % 8 else 2, person)
            Prediction.objects.create(judgment=judgment, model="length", probability=0.3)
            Prediction.objects.create(judgment=judgment, model="posterior", probability=0.2)
            if not held:
                trained.add(judgment.pk)
    return project, trained


@pytest.mark.django_db
def test_a_projects_report_keeps_held_out_prompts_apart() -> None:
    project, trained = judged_project()
    told = report_on_project(project, Asked("longer", LONGER, frozenset(trained)))
    assert (told["held_out"]["judgments"], told["fitted"]["judgments"]) == (16, 32)
    assert "unseen" not in told and told["held_out"]["prompts"] == 8
    assert told["fitted"]["models"]["longer"]["accuracy"]["value"] == pytest.approx(28 / 32)
    assert set(told["held_out"]["models"]) == {"longer", "length_only", "bag_of_words"}
    assert set(told["held_out"]["by"]["arm"]) == {"chosen", "random"}
    assert told["held_out"]["ceiling"]["agreement"]["value"] == 1.0
    assert told["prequential"]["posterior"]["gain"]["length"]["value"] == 0.0
    assert told["policies"]["versions"] == [1, 2] and told["policies"]["spearman"]["value"] == pytest.approx(1.0)
    assert json.loads(json.dumps(told, allow_nan=False)) == told


class ByCriterion(Longer):
    """Prefers the longer response, or the shorter one where that is the criterion."""

    def judged(self, rows: Sequence[PreferenceRow]) -> np.ndarray[Any, np.dtype[np.float64]]:
        told = super().judged(rows)
        return np.array([1.0 - p if row.criterion == "brevity" else p for p, row in zip(told, rows, strict=True)])


@pytest.mark.django_db
def test_a_pair_that_was_judged_by_two_criteria_is_asked_of_by_each() -> None:
    """An import stores a response that several rows share once."""
    project = a_project()
    for _ in range(4):
        prompt = a_prompt(project)
        sides = (a_response(prompt, "word"), a_response(prompt, "word word word"))
        a_judgment(a_comparison(prompt, *sides, criterion="detail"), 7)
        a_judgment(a_comparison(prompt, *sides, criterion="brevity"), 1)
    told = report_on_project(project, Asked("both", RewardEnsemble((ByCriterion(),)), frozenset()))
    assert told["unseen"]["models"]["both"]["accuracy"]["value"] == 1.0


@pytest.mark.django_db
def test_judgments_that_came_after_a_models_snapshot_are_unseen() -> None:
    project, trained = judged_project()
    told = report_on_project(project, Asked("longer", LONGER, frozenset()))
    assert told["unseen"]["judgments"] == len(trained) and "fitted" not in told


@pytest.mark.django_db
def test_another_judgment_of_a_pair_that_was_trained_on_is_fitted_too() -> None:
    project, trained = judged_project()
    for amended in project.judgments.filter(pk__in=trained):
        a_judgment(amended.comparison, 3, amended.person, amends=amended)
        a_judgment(amended.comparison, 3)
    told = report_on_project(project, Asked("longer", LONGER, frozenset(trained)))
    assert told["fitted"]["judgments"] == 64 and "unseen" not in told


@pytest.mark.django_db
def test_fitted_judgments_neither_rank_policies_nor_responses() -> None:
    project, _ = judged_project()
    prompt = a_prompt(project, "Tell me of three more.")
    one, two, three = (a_response(prompt, "word " * n) for n in (1, 2, 3))
    for pair in ((one, two), (two, three), (one, three)):
        a_judgment(a_comparison(prompt, *pair), 6)
    new = report_on_project(project, Asked("longer", LONGER, frozenset()))
    known = report_on_project(project, Asked("longer", LONGER, None))
    assert new["within_prompts"]["prompts"] == 1 and known["within_prompts"] is None
    assert new["policies"]["accuracy"]["n"] > known["policies"]["accuracy"]["n"]


@pytest.mark.django_db
def test_of_a_model_in_a_directory_nobody_knows_what_it_was_fitted_to(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scorers, "of_directory", lambda place: LONGER)
    assert of_project(a_project(), "/some/model").seen is None


@pytest.mark.django_db
def test_a_project_without_models_or_judgments_says_so() -> None:
    project = a_project()
    with pytest.raises(NoModel, match="neither a reward model nor a posterior"):
        of_project(project, "")
    with pytest.raises(NoModel, match="no reward model 7"):
        of_project(project, "7")
    with pytest.raises(NoModel, match="is not a directory"):
        of_project(project, "/no/such/place")
    with pytest.raises(ValueError, match="no judgment"):
        report_on_project(project, Asked("longer", LONGER, None))


def told(*words: str) -> str:
    out = StringIO()
    call_command("train", "evaluate", *words, stdout=out, stderr=StringIO())
    return out.getvalue()


def test_the_command_says_what_to_ask(tmp_path: Path) -> None:
    for words, says in (
        ((), "say what to evaluate"),
        (("--file", "x"), "one of the two"),
        (("--file", "x", "--reward", "/no/such"), "not a directory"),
        (("--file", "x", "--project", "p"), "--file and --project do not go together"),
        (("--file", "x", "--policy", "p", "--taste", "brief"), "--file and --taste do not go together"),
        (("--project", "p", "--policy", "q"), "--project and --policy do not go together"),
        (("--policy", "p", "--taste", "brief", "--reward", "1"), "--taste and --reward do not go together"),
        (("--policy", "p", "--taste", "brief", "--votes", "v"), "say which with --project"),
        (("--project", "p", "--votes", "/no/dir/v"), "--votes: there is no folder /no/dir"),
        (("--project", "p", "--json", "/no/dir/x"), "--json: there is no folder /no/dir"),
        (("--project", "p", "--json", str(tmp_path)), "is a folder"),
    ):
        with pytest.raises(CommandError, match=says):
            told(*words)


@pytest.mark.parametrize(
    ("words", "unread"),
    [
        ("--project p --against starter", "--against would not be read: with a project goes --reward, --votes"),
        ("--project p --format ppe --seed 0", "--seed and --format would not be read"),
        ("--file x --reward r --beta 0.1", "--beta would not be read: with a file and a reward model goes"),
        ("--file x --policy p --prompts 9", "--prompts would not be read: with a file and a policy goes"),
        ("--policy p --taste brief --max-length 9", "--max-length would not be read: with two policies and a taste"),
    ],
)
def test_an_option_that_would_not_be_read_is_refused_even_where_it_is_what_it_would_be_anyway(
    words: str, unread: str
) -> None:
    with pytest.raises(CommandError, match=unread):
        told(*words.split())


def test_a_policy_is_asked_as_the_reward_it_implies(tiny_directory: Path, tmp_path: Path) -> None:
    path, tiny = a_file(tmp_path, PAIRS), str(tiny_directory)
    words = told("--policy", tiny, "--against", tiny, "--file", str(path))
    assert "0.500" in words and "accuracy" in words  # beside itself a policy has no opinion
    out = tmp_path / "report.json"
    assert told("--policy", tiny, "--against", tiny, "--file", str(path), "--json", str(out)) == ""
    assert json.loads(out.read_text())["models"]["reward model"]["brier"]["value"] == 0.25


def test_a_report_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    place = tmp_path / ("x" * 300)  # longer than a file's name may be
    options = {"json": str(place), "file": None, "project": "p"}
    with pytest.raises(ValueError, match=r"--json: .* cannot be written"):
        list(written({}, options))


@pytest.mark.django_db
def test_held_out_votes_go_out_as_ppe_has_them_and_come_in_again(tmp_path: Path) -> None:
    project, _ = judged_project()
    assert write_votes(tmp_path / "votes.jsonl", project) == 16
    items = read_items(tmp_path / "votes.jsonl", "ppe")
    assert {item.writers for item in items} == {("version 1", "version 2")}
    assert sum(item.good[0] for item in items) == 2
