"""What rows tell beside a verdict, and rows that tell of one response: stored, counted, and taken out again."""

from pathlib import Path
from typing import Any

from labeling.models import Arm, Comparison, Judgment, Kind, Project, Prompt, Response, State
from tests.labeling.cast import project_of_ada
from tests.labeling.test_details import PAIR, STORED, TOLD
from tests.labeling.test_import import counts
from tests.labeling.test_import_formats import same
from tests.labeling.transfers import bring_in, import_rows, lines_file, pair, take_out

SINGLES: list[dict[str, Any]] = [
    {"prompt": "Why?", "completion": "One.\n\nTwo."},
    {"prompt": "Why?", "response": "One.\n\nTwo.", "ratings": {"helpfulness": 4}},
    {"prompt": "How?", "completions": ["One.", "Two."], "labels": [True, False]},
]


def test_what_is_told_beside_a_verdict_is_stored_with_its_comparison(project: Project, tmp_path: Path) -> None:
    import_rows(project, tmp_path, [{**PAIR, **TOLD}, pair(1)])
    told, plain = Comparison.objects.order_by("id")
    assert (told.kind, told.criterion, told.details) == (Kind.PAIR, "helpfulness", STORED)
    assert (plain.kind, plain.criterion, plain.details) == (Kind.PAIR, "", {})
    assert told.extra["fields"] == TOLD


def test_what_is_told_of_one_response_is_a_comparison_without_judgments(project: Project, tmp_path: Path) -> None:
    job = import_rows(project, tmp_path, SINGLES, origin="person")
    assert counts(job) == (3, 3, 0, 0) and job.problems == []
    found = list(Comparison.objects.order_by("id"))
    assert [one.kind for one in found] == [Kind.DEMONSTRATION, Kind.ASSESSMENT, Kind.ASSESSMENT]
    assert [one.details for one in found] == [{}, {"ratings": [{"helpfulness": 4.0}]}, {"steps": [[1.0, 0.0]]}]
    for one in found:
        assert (one.arm, one.state, one.needs, one.taken, one.origin) == (Arm.IMPORTED, State.FULL, 1, 0, "person")
        assert [entry.position for entry in one.entries.all()] == [0]
    assert not Judgment.objects.exists()
    assert Response.objects.count() == 2 and Prompt.objects.count() == 2  # shared, as between pairs
    assert not Prompt.objects.filter(active=True).exists()


def test_rows_of_one_response_come_in_once(project: Project, tmp_path: Path) -> None:
    path = lines_file(tmp_path, [*SINGLES, SINGLES[0], {**SINGLES[1], "id": 5}])
    assert counts(bring_in(project, path)) == (5, 5, 0, 0)
    assert counts(bring_in(project, path)) == (5, 0, 5, 0)
    job = import_rows(project, tmp_path, [{**SINGLES[1], "id": 5, "critique": "Fine."}])
    assert counts(job) == (1, 0, 1, 0) and job.warnings == 1
    import_rows(project, tmp_path, [{**SINGLES[0], "id": 6}], sample=True)
    assert Prompt.objects.filter(active=True).count() == 1


def test_an_import_of_more_than_pairs_says_how_many_of_what_came_in(project: Project, tmp_path: Path) -> None:
    job = import_rows(project, tmp_path, [*SINGLES, pair(1), {"prompt": "Alone?"}, "{"], skip_bad=True)
    assert job.note == "2 assessed responses, 1 demonstration, 1 pair, 1 prompt"
    assert [entry["line"] for entry in job.problems] == [6]
    assert import_rows(project, tmp_path, SINGLES).note == ""
    assert import_rows(project, tmp_path, [pair(2), {"prompt": "And?"}]).report == []


def test_numbers_of_any_size_survive(project: Project, tmp_path: Path) -> None:
    ratings = {"tiny": 5e-324, "huge": 1.7e308, "third": 1 / 3, "whole": float(2**53)}
    import_rows(project, tmp_path, [{"prompt": "Why?", "response": "So.", "ratings": ratings, "steps": [1e-9]}])
    rows, _ = take_out(project, tmp_path, format="heed")
    other = project_of_ada()
    import_rows(other, tmp_path, rows)
    for one in Comparison.objects.all():
        assert {name: float(number) for name, number in one.details["ratings"][0].items()} == ratings
        assert one.details["steps"] == [[1e-9]]


def test_what_was_told_goes_out_whole_and_moves_to_another_project(project: Project, tmp_path: Path) -> None:
    rows = [{**PAIR, **TOLD}, pair(1), *SINGLES]
    import_rows(project, tmp_path, rows)
    back, _ = take_out(project, tmp_path, format="original")
    assert all(same(one, row) for one, row in zip(back, rows, strict=True))
    whole, _ = take_out(project, tmp_path, format="heed")
    assert (whole[0]["kind"], whole[0]["criterion"], whole[0]["details"]) == ("pair", "helpfulness", STORED)
    other = project_of_ada()
    assert import_rows(other, tmp_path, whole).added == 5
    fields = ("kind", "criterion", "details", "needs", "taken", "state")
    first, second = (Comparison.objects.filter(project=one).order_by("id") for one in (project, other))
    assert list(first.values_list(*fields)) == list(second.values_list(*fields))
    assert Judgment.objects.filter(project=other).count() == 2
