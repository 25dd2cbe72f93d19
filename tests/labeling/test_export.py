"""What goes out: whole rows, rows as they came, and files that are the same twice."""

import gzip
import hashlib
import json
import uuid
from pathlib import Path
from typing import Any

import pyarrow.parquet
import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from labeling.actions import exporting, judging
from labeling.actions.errors import Refusal
from labeling.actions.exporting import export_to, plan_export, run_export
from labeling.models import Arm, Comparison, JobState, Judgment, Person, Project, Source
from labeling.queries.export_rows import BadOptions, ExportOptions
from tests.labeling.cast import comparisons, lease, member, project_of_ada, submit
from tests.labeling.test_import_formats import rows as any_rows
from tests.labeling.test_import_formats import same
from tests.labeling.transfers import import_rows, pair, said, take_out


def judged(project: Project, who: Person, answer: int = 1, **fields: Any) -> Any:
    """A comparison that `who` judged through the queue."""
    [comparison] = comparisons(project, 1, **fields)
    return comparison, submit(who, lease(who, project), answer).judgment


def test_a_full_row_holds_every_judgment_with_its_amendments(
    project: Project, ben: Person, cleo: Person, tmp_path: Path
) -> None:
    comparison, first = judged(project, ben, 1, needs=2)
    submit(cleo, lease(cleo, project), 7, reason="B is kinder.")
    amended = judging.amend_judgment(
        person=ben, judgment_id=first.pk, uuid=uuid.uuid4(), answer=9, seconds=None, reason="Neither."
    )
    [row], manifest = take_out(project, tmp_path, format="heed")
    assert manifest["rows"] == 1 and manifest["left_out"] == {}
    assert (row["arm"], row["needs"], row["score"]) == ("chosen", 2, comparison.score)
    assert row["split"] == row_split(comparison)
    assert [entry["id"] for entry in row["judgments"]] == [first.pk, first.pk + 1, amended.pk]
    one, two, three = row["judgments"]
    assert (three["amends"], three["answer"], three["strength"], three["reason"]) == (first.pk, 9, None, "Neither.")
    assert (two["answer"], two["order_shown"], two["reason"]) == (7, two["order_shown"], "B is kinder.")
    assert one["rater"] == three["rater"] != two["rater"] and ben.username not in json.dumps(row)
    assert one["uuid"] == str(first.uuid) and one["source"] == "person" and one["guideline"] == 1


def row_split(comparison: Comparison) -> Any:
    return comparison.prompt.split


def test_a_full_row_holds_what_a_policy_knew(project: Project, tmp_path: Path) -> None:
    import_rows(project, tmp_path, [sampled_row("x:1")])
    [row], _ = take_out(project, tmp_path, format="heed")
    assert row["responses"][0]["token_logprobs"] == [-0.1, -1e-07, -2.5]
    assert row["responses"][0]["token_ids"] == [1, 2, 3] and row["responses"][0]["sampler"] == {"temperature": 0.7}


def sampled_row(own_id: Any, **more: Any) -> Any:
    response = {
        "messages": [said("assistant", "Hm.")],
        "policy": "policy-2",
        "sampler": {"temperature": 0.7},
        "seed": -5,
        "token_ids": [1, 2, 3],
        "token_logprobs": [-0.1, -1e-7, -2.5],
        "stopped": True,
    }
    judgment = {"id": 1, "rater": "person-a", "answer": 2, "order_shown": [1, 0], "source": "person", "seconds": 2.5}
    return {
        "heed": 1,
        "id": own_id,
        "prompt": {"messages": [said("user", "Why?")], "tags": ["a"], "difficulty": 0.5},
        "responses": [response, {**response, "seed": 6}],
        "judgments": [judgment, {**judgment, "id": 2, "amends": 1, "answer": 4, "reason": "On reflection."}],
        **more,
    }


def test_full_rows_move_to_another_project_with_their_amendments(
    project: Project, ben: Person, cleo: Person, tmp_path: Path
) -> None:
    _, first = judged(project, ben, 1, needs=2)
    submit(cleo, lease(cleo, project), 7, reason="Kinder.")
    judging.amend_judgment(person=ben, judgment_id=first.pk, uuid=uuid.uuid4(), answer=4, seconds=None)
    rows, _ = take_out(project, tmp_path, format="heed")
    other = project_of_ada()
    assert import_rows(other, tmp_path, rows).added == 1
    assert import_rows(other, tmp_path, rows).known == 1
    comparison = Comparison.objects.get(project=other)
    assert (comparison.arm, comparison.taken) == (Arm.IMPORTED, 2)
    found = Judgment.objects.filter(project=other).order_by("id")
    original = Judgment.objects.filter(project=project).order_by("id")
    assert [(row.answer, row.order_shown, row.strength) for row in found] == [
        (row.answer, row.order_shown, row.strength) for row in original
    ]
    assert found[2].amends == found[0] and found[1].reason.text == "Kinder."
    assert {(row.source, row.origin, row.person) for row in found} == {(Source.IMPORT, "person", None)}
    back, _ = take_out(other, tmp_path, format="original")
    assert len(back) == 1 and same(back[0], rows[0])


def test_simulated_judgments_stay_recognisable_when_they_move(project: Project, tmp_path: Path) -> None:
    robot = member(project, "Robot", simulated=True)
    judged(project, robot)
    rows, _ = take_out(project, tmp_path, format="heed")
    other = project_of_ada()
    import_rows(other, tmp_path, rows)
    assert Judgment.objects.get(project=other).origin == "model:simulation"
    assert take_out(other, tmp_path, held_out=True)[1]["left_out"] == {"other_source": 1}
    assert take_out(other, tmp_path, held_out=True, simulated=True)[1]["rows"] == 1


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"responses": []}, "at least two responses"),
        ({"prompt": "Why?"}, "prompt must be an object"),
        ({"judgments": [{"rater": "a", "answer": 8, "order_shown": [0, 1]}]}, "answer is 8"),
        ({"judgments": [{"rater": "a", "answer": 1, "order_shown": [0, 0]}]}, "order_shown"),
        ({"judgments": [{"rater": "a", "answer": 1, "order_shown": [0, 1]}] * 2}, "has judged already"),
        ({"judgments": [{"rater": "a", "answer": 1, "order_shown": [0, 1], "amends": 9}]}, "not an earlier"),
        ({"judgments": [{"rater": "a", "answer": 1, "order_shown": [0, 1], "weight": -1}]}, "negative"),
    ],
)
def test_a_full_row_that_contradicts_itself_is_refused(
    project: Project, tmp_path: Path, change: dict[str, Any], words: str
) -> None:
    job = import_rows(project, tmp_path, [sampled_row("x:1", **change)], skip_bad=True)
    assert job.refused == 1 and words in job.report[0]["reason"]


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(any_rows(), min_size=1, max_size=6))
def test_imported_rows_go_out_as_they_came(db: None, tmp_path: Path, rows: Any) -> None:
    project = project_of_ada()
    import_rows(project, tmp_path, rows, own_ids=False)
    back, _ = take_out(project, tmp_path, format="original")
    pairs = [row for row in rows if "chosen" in row or "response1" in row]
    assert len(back) == len(pairs) + len({row["prompt"] for row in rows if row not in pairs})
    assert all(same(one, other) for one, other in zip(back, pairs, strict=False))
    assert all(any(same(one, row) for row in rows) for one in back[len(pairs) :])


def test_rows_that_were_not_imported_are_no_original_rows(project: Project, ben: Person, tmp_path: Path) -> None:
    judged(project, ben)
    rows, manifest = take_out(project, tmp_path, format="original")
    assert rows == [] and manifest["left_out"] == {"not_imported": 1}


def test_prompts_go_out_and_come_in_again(project: Project, tmp_path: Path) -> None:
    import_rows(project, tmp_path, [{"prompt": f"Question {n}?", "tags": ["short"], "difficulty": 1} for n in range(9)])
    rows, _ = take_out(project, tmp_path, format="prompts", held_out=True)
    assert len(rows) == 9 and rows[0]["tags"] == ["short"] and rows[0]["messages"][0]["content"] == "Question 0?"
    other = project_of_ada()
    assert import_rows(other, tmp_path, rows).added == 9
    rows, manifest = take_out(project, tmp_path, format="prompts")
    assert {row["split"] for row in rows} <= {"train"}
    assert manifest["rows"] + manifest["left_out"].get("held_out", 0) == 9


def test_the_manifest_names_the_file_by_its_hash(project: Project, tmp_path: Path) -> None:
    import_rows(project, tmp_path, [pair(n) for n in range(5)])
    for name in ("a.jsonl", "a.jsonl.gz", "a.parquet"):
        options = ExportOptions(file="parquet" if name.endswith("parquet") else "jsonl", held_out=True)
        manifest = export_to(project=project, options=options, path=tmp_path / name)
        data = (tmp_path / name).read_bytes()
        assert manifest["file"] == {"name": name, "bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
        beside = json.loads((tmp_path / f"{name}.manifest.json").read_text())
        assert beside == manifest and beside["rows"] == 5
        assert beside["guidelines"][0]["text"] == "Prefer the helpful one."
        assert beside["options"] == options.to_json()
    assert not list(tmp_path.glob("*.part"))


def test_the_same_set_gives_the_same_bytes(project: Project, tmp_path: Path) -> None:
    import_rows(project, tmp_path, [pair(n) for n in range(5)])
    hashes = {
        export_to(project=project, options=ExportOptions(), path=tmp_path / "a.jsonl.gz")["file"]["sha256"]
        for _ in range(2)
    }
    assert len(hashes) == 1


def test_texts_survive_every_kind_of_character(project: Project, tmp_path: Path) -> None:
    text = "".join(map(chr, range(1, 0x300))) + '\\n "quoted" \\\\ \u2028 😀 \\u0041'
    import_rows(project, tmp_path, [pair(1, chosen=text)])
    for options in ({}, {"style": "standard"}, {"format": "kto"}):
        rows, _ = take_out(project, tmp_path, held_out=True, **options)
        found = rows[0].get("chosen") or rows[0]["completion"]
        assert (found if isinstance(found, str) else found[0]["content"]) == text


@pytest.mark.parametrize("format", ["trl", "kto", "helpsteer2", "heed", "prompts"])
def test_parquet_holds_what_the_lines_hold(project: Project, ben: Person, tmp_path: Path, format: str) -> None:
    judged(project, ben)
    import_rows(project, tmp_path, [pair(n) for n in range(3)])
    for style in ("conversational", "standard") if format in ("trl", "kto") else ("conversational",):
        more = {"format": format, "style": style, "held_out": True, "margin": True}
        lines, _ = take_out(project, tmp_path, **more)
        export_to(project=project, options=ExportOptions(file="parquet", **more), path=tmp_path / "out.parquet")
        table = pyarrow.parquet.read_table(tmp_path / "out.parquet").to_pylist()
        assert len(table) == len(lines) > 0
        for one, other in zip(table, lines, strict=True):
            assert list(one) == list(other)
            if format == "helpsteer2":
                assert one == other
            for key in ("prompt", "chosen", "completion", "label", "strength", "messages"):
                if key in other and format != "heed":
                    assert one[key] == other[key]
        if format == "heed":
            assert json.loads(table[-1]["extra"]) == lines[-1]["extra"]
            assert table[0]["judgments"][0]["uuid"] == lines[0]["judgments"][0]["uuid"]


def test_an_empty_export_is_a_file_too(project: Project, tmp_path: Path) -> None:
    assert take_out(project, tmp_path)[0] == []
    export_to(project=project, options=ExportOptions(file="parquet"), path=tmp_path / "out.parquet")
    assert pyarrow.parquet.read_table(tmp_path / "out.parquet").num_rows == 0


def test_an_export_that_breaks_off_leaves_no_file(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import_rows(project, tmp_path, [pair(1)])

    def breaks(row: Any) -> None:
        raise RuntimeError("broken")

    monkeypatch.setattr(exporting, "_as_it_came", breaks)
    with pytest.raises(RuntimeError):
        export_to(project=project, options=ExportOptions(format="original"), path=tmp_path / "out.jsonl")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["rows.jsonl"]


def test_a_job_writes_its_file_and_remembers_a_failure(
    project: Project, tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.TRANSFERS = tmp_path
    import_rows(project, tmp_path, [pair(1)])
    job = run_export(job=plan_export(project=project, by=None, options=ExportOptions(held_out=True)))
    assert job.state == JobState.DONE and job.rows == 1
    assert json.loads(gzip.open(job.path).read())["n_for"] == 1
    monkeypatch.setattr(exporting, "_rows", lambda *_: 1 / 0)
    job = plan_export(project=project, by=None, options=ExportOptions())
    with pytest.raises(ZeroDivisionError):
        run_export(job=job)
    job.refresh_from_db()
    assert job.state == JobState.FAILED and "log" in job.error


@pytest.mark.parametrize(
    "wrong",
    [
        {"format": "csv"},
        {"style": "x"},
        {"format": "original", "file": "parquet"},
        {"format": "kto", "prompt": "implicit"},
        {"format": "helpsteer2", "prompt": "implicit"},
        {"frozen": "1:2"},
        {"frozen": "1:2:x"},
        {"frozen": "' OR true --"},
    ],
)
def test_options_that_there_are_not_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(BadOptions):
        ExportOptions(**wrong)
    with pytest.raises(BadOptions, match="no option colour"):
        ExportOptions.from_json({"colour": 1})


@pytest.mark.django_db(transaction=True)
def test_a_frozen_set_is_the_same_after_more_judgments(tmp_path: Path) -> None:
    project = project_of_ada()
    ben, cleo = member(project, "Ben"), member(project, "Cleo")
    _, first = judged(project, ben, 1, needs=2)
    everything = {"format": "trl", "held_out": True}
    before, manifest = take_out(project, tmp_path, **everything)
    submit(cleo, lease(cleo, project), 7)
    judging.amend_judgment(person=ben, judgment_id=first.pk, uuid=uuid.uuid4(), answer=4, seconds=None)
    judged(project, ben, 3)
    now, _ = take_out(project, tmp_path, **everything)
    again, second = take_out(project, tmp_path, frozen=manifest["frozen"], **everything)
    assert again == before != now
    assert second["frozen"] == manifest["frozen"]
    full, _ = take_out(project, tmp_path, format="heed", frozen=manifest["frozen"])
    assert [len(row["judgments"]) for row in full] == [1, 0]


@pytest.mark.django_db(transaction=True)
def test_an_export_sees_one_moment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    project = project_of_ada()
    import_rows(project, tmp_path, [pair(1)])
    outside = connection.copy()

    rows = exporting._rows

    def meddle(cursor: Any, statement: Any) -> Any:
        with outside.cursor() as other:  # while the export has begun
            other.execute("UPDATE labeling_comparison SET source_key = NULL")
        return rows(cursor, statement)

    monkeypatch.setattr(exporting, "_rows", meddle)
    try:
        options = ExportOptions(format="original")
        assert export_to(project=project, options=options, path=tmp_path / "out.jsonl")["rows"] == 1
    finally:
        outside.close()


def test_the_command_writes_what_the_name_says(
    project: Project, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    import_rows(project, tmp_path, [pair(n) for n in range(4)])
    call_command("export", str(tmp_path / "out.parquet"), project=project.slug, held_out=True)
    assert "4 rows in out.parquet" in capsys.readouterr().out
    assert pyarrow.parquet.read_table(tmp_path / "out.parquet").num_rows == 4
    monkeypatch.chdir(tmp_path)
    call_command("export", project=project.slug, format="kto", held_out=True)
    assert f"8 rows in {project.slug}-kto.jsonl" in capsys.readouterr().out
    call_command("export", str(tmp_path / "out.jsonl"), project=project.slug, format="heed", json=True)
    assert json.loads(capsys.readouterr().out)["rows"] == 4


def test_the_command_explains_what_is_wrong(project: Project, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="there are"):
        call_command("export", str(tmp_path / "out.jsonl"), project="nowhere")
    with pytest.raises(CommandError, match="JSON Lines only"):
        call_command("export", str(tmp_path / "out.parquet"), project=project.slug, format="original")
    with pytest.raises(CommandError, match="no folder"):
        call_command("export", str(tmp_path / "no" / "out.jsonl"), project=project.slug)
    with pytest.raises(Refusal):
        export_to(project=project, options=ExportOptions(), path=tmp_path / "no" / "out.jsonl")
