"""What is told beside verdicts on its way out: the criterion, HelpSteer2's rows, and a count of what is no pair."""

from pathlib import Path
from typing import Any

from labeling.formats.parsing import parse_line
from labeling.models import Judgment, JudgmentReason, Project
from tests.labeling.cast import project_of_ada
from tests.labeling.test_export_pairs import cast_vote, one, votes
from tests.labeling.test_import_told import SINGLES
from tests.labeling.transfers import import_rows, lines_file, pair, said, take_out


def test_what_is_no_pair_is_left_out_and_counted(project: Project, tmp_path: Path) -> None:
    import_rows(project, tmp_path, [pair(1), *SINGLES])
    for format, count in (("trl", 1), ("kto", 2), ("helpsteer2", 1)):
        rows, manifest = take_out(project, tmp_path, format=format, held_out=True)
        assert manifest["left_out"] == {"other_kind": 3} and manifest["rows"] == len(rows) == count


def test_a_criterion_goes_out_with_the_columns(project: Project, tmp_path: Path) -> None:
    import_rows(project, tmp_path, [pair(1, criterion='by "truth" \\ 😀'), pair(2)])
    rows, _ = take_out(project, tmp_path, held_out=True, margin=True)
    assert [row["criterion"] for row in rows] == ['by "truth" \\ 😀', ""]
    assert list(rows[0])[-2:] == ["criterion", "margin"]
    other = project_of_ada()
    import_rows(other, tmp_path, rows)
    assert list(other.comparisons.order_by("id").values_list("criterion", flat=True)) == ['by "truth" \\ 😀', ""]


STRENGTHS = [
    ((1,), -3),
    ((7,), 3),
    ((4,), 0),
    ((9,), 0),
    ((5, 6), 2),  # 1.5, away from zero
    ((3, 2), -2),
    ((3, 4), -1),
    ((1, 7), 0),
    ((0, 6), 2),  # who cannot tell says nothing
]


def test_the_strength_is_the_rounded_mean_and_positive_for_the_second(project: Project, tmp_path: Path) -> None:
    for answers, _ in STRENGTHS:
        votes(project, *answers)
    rows, _ = take_out(project, tmp_path, format="helpsteer2", columns=False)
    assert [row["preference_strength"] for row in rows] == [strength for _, strength in STRENGTHS]
    assert {(row["response_1"], row["response_2"]) for row in rows} == {("Answer 0.", "Answer 1.")}
    assert {row["preference_statement"] for row in rows} == {""}
    assert list(rows[0]) == ["prompt", "response_1", "response_2", "preference_strength", "preference_statement"]


def test_only_what_says_nothing_has_no_strength(project: Project, tmp_path: Path) -> None:
    votes(project)
    votes(project, 0)
    rows, manifest = take_out(project, tmp_path, format="helpsteer2")
    assert rows == [] and manifest["left_out"] == {"cannot_tell": 1, "unjudged": 1}


def test_the_statement_is_the_first_reason_of_a_judgment_that_counts(project: Project, tmp_path: Path) -> None:
    comparison = votes(project, 2)
    robot = cast_vote(comparison, 7, source="simulation")
    JudgmentReason.objects.create(judgment=robot, text="Beep.")
    for text in ("", 'A is "kinder".', "So it is."):
        JudgmentReason.objects.create(judgment=cast_vote(comparison, 2), text=text)
    row = one(project, tmp_path, format="helpsteer2")
    assert (row["preference_strength"], row["preference_statement"]) == (-2, 'A is "kinder".')
    assert one(project, tmp_path, format="helpsteer2", simulated=True)["preference_statement"] == "Beep."


def helpsteer_rows() -> list[dict[str, Any]]:
    talk = "Hi\n<extra_id_1>Assistant\nHello\n<extra_id_1>User\nWhy?"
    rows = [
        {"prompt": f"{n}?", "response_1": "A", "response_2": "B", "preference_strength": n, "preference_statement": ""}
        for n in range(-3, 4)
    ]
    return [*rows, {**rows[0], "prompt": talk, "preference_statement": "So."}, {**rows[0], "criterion": "truth"}]


def test_helpsteers_rows_come_in_and_go_out_again(project: Project, tmp_path: Path) -> None:
    import_rows(project, tmp_path, helpsteer_rows())
    rows, _ = take_out(project, tmp_path, format="helpsteer2", held_out=True)
    told = [{key: row[key] for key in given} for row, given in zip(rows, helpsteer_rows(), strict=True)]
    assert told == helpsteer_rows()


def test_what_goes_out_as_helpsteers_comes_in_as_the_same_verdicts(project: Project, tmp_path: Path) -> None:
    turns = [said("assistant", "A"), said("user", "B"), said("assistant", "C\n")]
    asked = [said("system", "Be kind."), said("user", "Hi\n"), said("assistant", "Hello"), said("user", "Why?")]
    rows = [*helpsteer_rows(), {"prompt": asked, "chosen": turns, "rejected": turns[:1]}]
    import_rows(project, tmp_path, rows)
    out, _ = take_out(project, tmp_path, format="helpsteer2", held_out=True)
    other = project_of_ada()
    assert import_rows(other, tmp_path, out).added == len(rows)
    first, second = (Judgment.objects.filter(project=side).order_by("comparison_id") for side in (project, other))
    for fields in (
        ("answer", "strength", "order_shown"),
        ("comparison__prompt__messages",),
        ("comparison__criterion",),
    ):
        assert list(first.values_list(*fields)) == list(second.values_list(*fields))
    last = parse_line(lines_file(tmp_path, out[-1:]).read_bytes()).row
    assert (last.prompt, last.responses[0].messages, last.responses[1].messages) == (asked, turns, turns[:1])
