"""A file comes in whole or not at all, once, and says how far it is."""

import gzip
import json
import time
import uuid
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import DataError, connection

from labeling.actions import importing
from labeling.actions.errors import Refusal
from labeling.actions.importing import ImportFailed, plan_import, run_import
from labeling.actions.queueing import add_prompts
from labeling.actions.storing import RowStore
from labeling.models import (
    Arm,
    Comparison,
    ImportJob,
    JobState,
    Judgment,
    Project,
    Prompt,
    Response,
    Source,
    Split,
    State,
)
from tests.labeling.cast import project_of_ada, talk
from tests.labeling.transfers import bring_in, import_rows, lines_file, pair, said


def counts(job: ImportJob) -> tuple[int, int, int, int]:
    return job.rows, job.added, job.known, job.refused


def test_a_pair_becomes_a_full_comparison_with_an_imported_judgment(project: Project, tmp_path: Path) -> None:
    job = import_rows(project, tmp_path, [pair(1, chosen_model="gpt-4")], origin="model:gpt-4")
    assert counts(job) == (1, 1, 0, 0) and job.state == JobState.DONE
    comparison = Comparison.objects.get()
    assert (comparison.arm, comparison.state, comparison.needs, comparison.taken) == (Arm.IMPORTED, State.FULL, 1, 1)
    first, second = comparison.responses.order_by("entries__position")
    assert (first.text, first.origin, second.text, second.origin) == ("Good 1.", "model:gpt-4", "Bad 1.", "")
    judgment = Judgment.objects.get()
    assert (judgment.source, judgment.origin, judgment.person) == (Source.IMPORT, "model:gpt-4", None)
    assert (judgment.answer, judgment.order_shown, judgment.strength) == (2, [0, 1], 2)
    assert comparison.extra["fields"] == {"chosen_model": "gpt-4"}


def test_several_annotators_are_several_judgments_of_one_comparison(project: Project, tmp_path: Path) -> None:
    row = {"instruction": "Say it.", "input": "", "response1": "A", "response2": "B"}
    import_rows(project, tmp_path, [{**row, "annotator1": 1, "annotator2": 0, "annotator3": 2}])
    found = Judgment.objects.order_by("id").values_list("rater", "strength")
    assert list(found) == [("annotator1", 2), ("annotator2", 0), ("annotator3", -2)]
    assert Comparison.objects.get().needs == 3


def test_the_same_file_twice_adds_nothing(project: Project, tmp_path: Path) -> None:
    path = lines_file(tmp_path, [pair(1), pair(1), pair(2), {"prompt": "Alone?"}])
    assert counts(bring_in(project, path)) == (4, 4, 0, 0)
    before = Comparison.objects.count(), Response.objects.count(), Prompt.objects.count(), Judgment.objects.count()
    assert counts(bring_in(project, path, origin="person")) == (4, 0, 4, 0)
    after = Comparison.objects.count(), Response.objects.count(), Prompt.objects.count(), Judgment.objects.count()
    assert before == after


def test_equal_rows_of_a_file_stay(project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importing, "CHUNK", 2)
    assert import_rows(project, tmp_path, [pair(1)] * 5).added == 5
    assert Comparison.objects.count() == 5 and Prompt.objects.count() == 1
    assert import_rows(project, tmp_path, [pair(1)] * 7).added == 2  # the sixth and seventh are new


def test_equal_rows_with_an_id_of_their_own_stay_too(project: Project, tmp_path: Path) -> None:
    assert import_rows(project, tmp_path, [pair(1, id=7), pair(1, id=7)]).added == 2


def test_rows_of_two_projects_are_strangers(project: Project, tmp_path: Path) -> None:
    import_rows(project, tmp_path, [pair(1, id=1)])
    assert import_rows(project_of_ada(), tmp_path, [pair(1, id=1)]).added == 1


def test_a_rows_own_id_counts_within_its_origin(project: Project, tmp_path: Path) -> None:
    assert import_rows(project, tmp_path, [pair(1, id=1)], origin="person").added == 1
    assert import_rows(project, tmp_path, [pair(1, id=1)], origin="model:gpt-4").added == 1
    assert import_rows(project, tmp_path, [pair(1, id=1)], origin="person").known == 1


def test_a_known_id_with_other_content_is_kept_as_it_was_and_named(project: Project, tmp_path: Path) -> None:
    import_rows(project, tmp_path, [pair(1, idx=5)])
    job = import_rows(project, tmp_path, [pair(2, idx=5)])
    assert counts(job) == (1, 0, 1, 0) and job.warnings == 1
    assert "idx 5" in job.report[0]["reason"] and job.report[0]["level"] == "warning"


def test_one_id_for_two_rows_of_a_file_is_refused_unless_ids_are_ignored(project: Project, tmp_path: Path) -> None:
    rows = [pair(1, id="topic"), pair(2, id="topic")]
    with pytest.raises(ImportFailed, match="line 2: its id 'topic'"):
        import_rows(project, tmp_path, rows)
    assert import_rows(project, tmp_path, rows, own_ids=False).added == 2


def test_a_bad_row_is_named_and_nothing_is_stored(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importing, "CHUNK", 2)
    rows = [pair(1), pair(2), '{"prompt": ', pair(3), {"prompt": "a", "chosen": "b", "rejected": None}]
    with pytest.raises(ImportFailed, match=r"2 of 5 rows are bad.*line 3: not JSON"):
        import_rows(project, tmp_path, rows)
    job = ImportJob.objects.get()
    assert (job.state, job.added, job.refused) == (JobState.FAILED, 0, 2)
    assert [(entry["line"], entry["level"]) for entry in job.report] == [(3, "error"), (5, "error")]
    assert not Comparison.objects.exists() and not Prompt.objects.exists()


def test_bad_rows_can_be_left_out_with_a_report(project: Project, tmp_path: Path) -> None:
    job = import_rows(project, tmp_path, [pair(1), "{", pair(2)], skip_bad=True)
    assert counts(job) == (3, 2, 0, 1) and job.report[0]["line"] == 2


def test_lines_are_counted_with_blank_ones(project: Project, tmp_path: Path) -> None:
    job = import_rows(project, tmp_path, ["", pair(1), "  ", "{"], skip_bad=True)
    assert job.report[0]["line"] == 4 and job.rows == 2


def test_gzip_and_a_byte_order_mark_are_read_whatever_the_name(project: Project, tmp_path: Path) -> None:
    packed = lines_file(tmp_path, [pair(1)], "rows.jsonl.gz")
    assert bring_in(project, packed.rename(tmp_path / "plain.jsonl")).added == 1
    marked = tmp_path / "marked.jsonl"
    marked.write_bytes(b"\xef\xbb\xbf" + json.dumps(pair(2)).encode() + b"\r\n")
    assert bring_in(project, marked).added == 1


def test_a_gzip_bomb_stops_at_the_limit(project: Project, tmp_path: Path, settings: Any) -> None:
    settings.IMPORT_MAX_BYTES = 10_000
    path = tmp_path / "bomb.jsonl.gz"
    path.write_bytes(gzip.compress(json.dumps(pair(1)).encode() + b"\n" + b" \n" * 10_000_000))
    assert path.stat().st_size < 50_000
    began = time.monotonic()
    with pytest.raises(ImportFailed, match="more than 10,000 bytes"):
        bring_in(project, path)
    assert time.monotonic() - began < 2 and not Comparison.objects.exists()


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"[\n  {}\n]", "JSON array"),
        (b"PAR1....", "Parquet"),
        (b"PK\x03\x04....", "zip archive"),
        (gzip.compress(b'{"prompt": "a"}\n' * 999, mtime=0)[:-20], "broken or cut off"),
        (b'{"prompt": "\xff"}', "not UTF-8 at byte 13"),
        (b'{"prompt": "' + b"a" * (17 * 2**20) + b'"}', "longer than"),
    ],
)
def test_a_file_that_is_no_jsonl_is_refused_in_words(project: Project, tmp_path: Path, data: bytes, words: str) -> None:
    path = tmp_path / "file"
    path.write_bytes(data)
    with pytest.raises(ImportFailed, match=words):
        bring_in(project, path)


@pytest.mark.parametrize("origin", ["gpt-4", "model:", "robot:x", "person\nx", "model:a\tb"])
def test_an_origin_that_says_nothing_is_refused(project: Project, tmp_path: Path, origin: str) -> None:
    with pytest.raises(Refusal, match="no origin"):
        import_rows(project, tmp_path, [pair(1)], origin=origin)


def test_a_format_or_a_file_that_there_is_not_is_refused(project: Project, tmp_path: Path) -> None:
    with pytest.raises(Refusal, match="no format 'csv'"):
        import_rows(project, tmp_path, [pair(1)], format="csv")
    with pytest.raises(Refusal, match="no file"):
        bring_in(project, tmp_path / "nowhere.jsonl")
    assert import_rows(project, tmp_path, [pair(1)], format="trl").added == 1
    assert import_rows(project, tmp_path, [pair(1)], format="hh", skip_bad=True).refused == 1


def test_what_the_database_refuses_is_told_with_its_lines(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuses(store: Any, rows: Any) -> None:
        raise DataError("value too long")

    monkeypatch.setattr(RowStore, "put", refuses)
    with pytest.raises(ImportFailed, match=r"lines 2 to 3: value too long"):
        import_rows(project, tmp_path, ["", pair(1), pair(2)])


def test_prompts_that_came_with_pairs_are_not_sampled_unless_asked_for(project: Project, tmp_path: Path) -> None:
    import_rows(project, tmp_path, [pair(1)])
    import_rows(project, tmp_path, [pair(2)], sample=True)
    assert [prompt.active for prompt in Prompt.objects.order_by("id")] == [False, True]


def test_importing_a_prompt_that_a_pair_brought_makes_it_sampled(project: Project, tmp_path: Path) -> None:
    import_rows(project, tmp_path, [pair(1)])
    job = import_rows(project, tmp_path, [{"prompt": "Question 1?", "tags": ["short"]}])
    assert counts(job) == (1, 0, 1, 0)
    prompt = Prompt.objects.get()
    assert prompt.active and prompt.tags == ["short"]


def test_a_prompt_that_is_here_already_is_not_made_twice(project: Project, tmp_path: Path) -> None:
    [known] = add_prompts(project=project, conversations=[talk("Question 1?")])
    import_rows(project, tmp_path, [pair(1), {"prompt": "Question 1?"}])
    assert Prompt.objects.get().pk == known.id


def test_prompts_that_begin_alike_share_a_side_of_the_held_out_line(project: Project, tmp_path: Path) -> None:
    question = said("user", "How do I bake a rye bread without a tin, please?")
    rows = [
        {"messages": [question]},
        {"messages": [said("system", "Be brief."), {**question, "content": question["content"].upper()}]},
        {"messages": [question, said("assistant", "Hot."), said("user", "How hot?")]},
    ]
    import_rows(project, tmp_path, rows)
    assert Prompt.objects.count() == 3 and Prompt.objects.values("root").distinct().count() == 1


def test_some_prompts_are_held_out(project: Project, tmp_path: Path) -> None:
    import_rows(project, tmp_path, [{"prompt": f"{uuid.uuid4()} {uuid.uuid4()}"} for _ in range(60)])
    assert set(Prompt.objects.values_list("split", flat=True)) == {Split.TRAIN, Split.HELD_OUT}


def test_a_response_that_several_rows_share_is_stored_once(project: Project, tmp_path: Path) -> None:
    rows = [{"prompt": "Why?", "chosen": "Best.", "rejected": f"Bad {n}."} for n in range(4)]
    import_rows(project, tmp_path, [*rows, {"prompt": "Why?", "chosen": "Best.", "rejected": "Best."}])
    assert Response.objects.count() == 6  # one best, four bad, and the second of two equal ones
    assert Comparison.objects.count() == 5


@pytest.mark.django_db(transaction=True)
def test_progress_is_seen_from_outside_while_nothing_else_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    project = project_of_ada()
    monkeypatch.setattr(importing, "CHUNK", 10)
    monkeypatch.setattr(importing, "TELL_EVERY", 0.0)
    outside = connection.copy()
    seen = []

    def look(store: Any, rows: Any) -> Any:
        with outside.cursor() as cursor:
            cursor.execute(
                "SELECT state, rows, bytes_done > 0, (SELECT count(*) FROM labeling_comparison) FROM labeling_importjob"
            )
            seen.append(cursor.fetchone())
        return put(store, rows)

    put = importing._put
    monkeypatch.setattr(importing, "_put", look)
    try:
        job = import_rows(project, tmp_path, [pair(n) for n in range(30)])
    finally:
        outside.close()
    assert seen == [("running", 0, False, 0), ("running", 10, True, 0), ("running", 20, True, 0)]
    assert job.bytes_done == job.bytes_total and job.finished_at is not None


@pytest.mark.django_db(transaction=True)
def test_an_import_that_breaks_off_leaves_nothing_and_can_begin_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = project_of_ada()
    path = lines_file(tmp_path, [pair(n) for n in range(30)])
    job = plan_import(project=project, by=None, path=path, name="rows")
    monkeypatch.setattr(importing, "CHUNK", 10)
    put = importing._put

    def breaks_off(store: Any, rows: Any) -> None:
        put(store, rows)
        raise ZeroDivisionError

    with monkeypatch.context() as broken, pytest.raises(ZeroDivisionError):
        broken.setattr(importing, "_put", breaks_off)
        run_import(job=job)
    job.refresh_from_db()
    assert job.state == JobState.FAILED and not Comparison.objects.exists() and not Prompt.objects.exists()
    assert counts(run_import(job=job)) == (30, 30, 0, 0)


def test_a_job_that_is_done_is_not_done_again(project: Project, tmp_path: Path) -> None:
    job = import_rows(project, tmp_path, [pair(1)])
    Path(job.path).unlink()
    assert run_import(job=job).state == JobState.DONE


def test_a_file_that_is_gone_fails_the_job_in_words(project: Project, tmp_path: Path) -> None:
    path = lines_file(tmp_path, [pair(1)])
    job = plan_import(project=project, by=None, path=path, name="rows")
    path.unlink()
    with pytest.raises(ImportFailed, match="No such file"):
        run_import(job=job)


def test_the_command_says_what_became_of_the_rows(
    project: Project, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = lines_file(tmp_path, [pair(1), pair(2), pair(2, idx=True)])
    call_command("import", str(path), project=project.slug, origin="person", json=True)
    said_json = json.loads(capsys.readouterr().out)
    assert said_json == {"rows": 3, "added": 3, "known": 0, "refused": 0, "warnings": 0, "report": []}


def test_the_command_names_bad_rows_and_fails(
    project: Project, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = lines_file(tmp_path, [pair(1), "{"])
    with pytest.raises(CommandError, match="1 of 2 rows are bad"):
        call_command("import", str(path), project=project.slug)
    assert "line 2: error: not JSON" in capsys.readouterr().out
    call_command("import", str(path), project=project.slug, skip_bad=True)
    assert "2 rows, 1 added, 0 known, 1 refused" in capsys.readouterr().out


def test_the_command_names_the_projects_there_are(project: Project, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match=f"there are: {project.slug}"):
        call_command("import", str(lines_file(tmp_path, [])), project="nowhere")
