"""Pair rows: the majority of what people said last, and a count of everything that was left out."""

import uuid
from pathlib import Path
from typing import Any

import pytest

from labeling.actions.judging import amend_judgment
from labeling.models import (
    Arm,
    Comparison,
    ComparisonResponse,
    Judgment,
    Project,
    Prompt,
    Report,
    Response,
    Source,
    Split,
)
from tests.labeling.cast import comparisons, member
from tests.labeling.transfers import import_rows, pair, said, take_out

TRANSCRIPT_ROW = {
    "chosen": "\n\nHuman: Hi\n\nAssistant: Hello\n\nHuman: Why?\n\nAssistant: A",
    "rejected": "\n\nHuman: Hi\n\nAssistant: Hello\n\nHuman: Why?\n\nAssistant: B",
}


def votes(project: Project, *answers: Any, source: Any = Source.PERSON, **fields: Any) -> Any:
    """A comparison with one judgment per answer, each by another person, shown in the stored order."""
    [comparison] = comparisons(project, 1, needs=max(len(answers), 1), **fields)
    Prompt.objects.filter(pk=comparison.prompt_id).update(split=Split.TRAIN)
    for answer in answers:
        cast_vote(comparison, answer, source)
    return comparison


def cast_vote(comparison: Comparison, answer: int, source: Any = Source.PERSON, order: Any = (0, 1)) -> Any:
    return Judgment.objects.create(
        uuid=uuid.uuid4(),
        project=comparison.project,
        comparison=comparison,
        person=member(comparison.project, "Judge"),
        answer=answer,
        order_shown=list(order),
        source=source,
    )


def one(project: Project, tmp_path: Path, **options: Any) -> Any:
    [row], _ = take_out(project, tmp_path, **options)
    return row


def test_the_majority_decides_and_the_votes_are_told(project: Project, tmp_path: Path) -> None:
    votes(project, 1, 3, 6)
    row = one(project, tmp_path)
    assert row["chosen"] == [said("assistant", "Answer 0.")] and row["rejected"] == [said("assistant", "Answer 1.")]
    assert (row["strength"], row["n_for"], row["n_against"]) == (2.0, 2, 1)  # much and slightly: 3 and 1
    assert (row["split"], row["arm"], row["origin"]) == ("train", "chosen", "person")
    assert "margin" not in row


def test_the_second_response_can_win(project: Project, tmp_path: Path) -> None:
    votes(project, 7)
    row = one(project, tmp_path)
    assert row["chosen"] == [said("assistant", "Answer 1.")] and row["strength"] == 3.0


def test_sides_as_shown_do_not_matter(project: Project, tmp_path: Path) -> None:
    comparison = votes(project)
    cast_vote(comparison, 2, order=(1, 0))
    assert one(project, tmp_path)["chosen"] == [said("assistant", "Answer 1.")]


@pytest.mark.parametrize(
    ("answers", "fate"),
    [
        ((4,), "tie"),
        ((9,), "tie"),
        ((4, 9, 1), "tie"),
        ((1, 7), "split_vote"),
        ((1, 4), "split_vote"),
        ((1, 4, 7), "split_vote"),
        ((1, 1, 7, 7, 4), "split_vote"),
        ((0,), "cannot_tell"),
        ((), "unjudged"),
    ],
)
def test_what_has_no_majority_is_left_out_and_counted(
    project: Project, tmp_path: Path, answers: tuple[int, ...], fate: str
) -> None:
    votes(project, *answers)
    rows, manifest = take_out(project, tmp_path)
    assert rows == [] and manifest["left_out"] == {fate: 1}


def test_who_cannot_tell_does_not_vote(project: Project, tmp_path: Path) -> None:
    votes(project, 0, 0, 2)
    assert one(project, tmp_path)["n_for"] == 1


def test_only_the_latest_word_of_each_person_counts(project: Project, tmp_path: Path) -> None:
    comparison = votes(project, 1, 1)
    for judgment in Judgment.objects.all():
        changed = amend_judgment(
            person=judgment.person, judgment_id=judgment.pk, uuid=uuid.uuid4(), answer=4, seconds=None
        )
        amend_judgment(person=judgment.person, judgment_id=changed.pk, uuid=uuid.uuid4(), answer=7, seconds=None)
    assert comparison.judgments.count() == 6
    row = one(project, tmp_path)
    assert row["chosen"] == [said("assistant", "Answer 1.")] and row["n_for"] == 2


def test_held_out_rows_go_out_on_request_only(project: Project, tmp_path: Path) -> None:
    comparison = votes(project, 1)
    Prompt.objects.filter(pk=comparison.prompt_id).update(split=Split.HELD_OUT)
    assert take_out(project, tmp_path)[1]["left_out"] == {"held_out": 1}
    assert one(project, tmp_path, held_out=True)["split"] == "held_out"


def test_simulated_people_count_on_request_only(project: Project, tmp_path: Path) -> None:
    comparison = votes(project, 1, 1, source=Source.SIMULATION)
    assert take_out(project, tmp_path)[1]["left_out"] == {"other_source": 1}
    row = one(project, tmp_path, simulated=True)
    assert row["origin"] == "simulation" and row["n_for"] == 2
    cast_vote(comparison, 7)
    assert one(project, tmp_path)["chosen"] == [said("assistant", "Answer 1.")]
    assert one(project, tmp_path, simulated=True)["origin"] == "mixed"


@pytest.mark.parametrize("simulated", [False, True])
def test_a_reward_models_labels_never_go_out(project: Project, tmp_path: Path, simulated: bool) -> None:
    votes(project, 1, source=Source.REWARD_MODEL)
    assert take_out(project, tmp_path, simulated=simulated)[1]["left_out"] == {"other_source": 1}


def test_what_was_withdrawn_or_dropped_is_left_out(project: Project, tmp_path: Path) -> None:
    first, second, third = votes(project, 1), votes(project, 1), votes(project, 1)
    Report.objects.create(comparison=first, person=member(project, "Fay"), kind="flag", decision="withdrawn")
    entry = ComparisonResponse.objects.filter(comparison=second).first()
    Response.objects.filter(pk=entry.response_id).update(dropped_at="2026-01-01T00:00Z")
    Report.objects.create(comparison=third, person=member(project, "Gil"), kind="flag", decision="kept")
    rows, manifest = take_out(project, tmp_path)
    assert len(rows) == 1 and manifest["left_out"] == {"withdrawn": 2}


def test_the_manifest_counts_by_split_arm_and_origin(project: Project, tmp_path: Path) -> None:
    votes(project, 1)
    votes(project, 1, arm=Arm.RANDOM)
    import_rows(project, tmp_path, [pair(n) for n in range(3)], origin="model:gpt-4")
    manifest = take_out(project, tmp_path, held_out=True)[1]
    assert manifest["rows"] == 5
    assert manifest["arm"] == {"chosen": 1, "imported": 3, "random": 1}
    assert manifest["origin"] == {"model:gpt-4": 3, "person": 2}
    assert sum(manifest["split"].values()) == 5


def test_the_margin_is_the_mean_lean_of_all_who_could_tell(project: Project, tmp_path: Path) -> None:
    votes(project, 1, 1, 4, 6)
    assert one(project, tmp_path, margin=True)["margin"] == 1.0  # (3 + 3 + 0 - 2) / 4


def test_columns_can_be_left_out(project: Project, tmp_path: Path) -> None:
    votes(project, 1)
    assert list(one(project, tmp_path, columns=False)) == ["prompt", "chosen", "rejected"]
    assert list(one(project, tmp_path, columns=False, margin=True)) == ["prompt", "chosen", "rejected", "margin"]


def test_an_implicit_row_holds_the_prompt_inside_both(project: Project, tmp_path: Path) -> None:
    import_rows(project, tmp_path, [pair(1)])
    row = one(project, tmp_path, prompt="implicit", columns=False, held_out=True)
    assert row == {
        "chosen": [said("user", "Question 1?"), said("assistant", "Good 1.")],
        "rejected": [said("user", "Question 1?"), said("assistant", "Bad 1.")],
    }


def test_standard_rows_are_plain_texts(project: Project, tmp_path: Path) -> None:
    import_rows(project, tmp_path, [pair(1)])
    row = one(project, tmp_path, style="standard", columns=False, held_out=True)
    assert row == pair(1)
    row = one(project, tmp_path, style="standard", prompt="implicit", columns=False, held_out=True)
    assert row["chosen"] == "\n\nHuman: Question 1?\n\nAssistant: Good 1."


def test_a_conversation_in_a_standard_row_is_a_transcript(project: Project, tmp_path: Path) -> None:
    import_rows(project, tmp_path, [TRANSCRIPT_ROW])
    explicit = one(project, tmp_path, style="standard", columns=False, held_out=True)
    assert explicit["prompt"] == "\n\nHuman: Hi\n\nAssistant: Hello\n\nHuman: Why?"
    assert explicit["chosen"] == "\n\nAssistant: A"
    implicit = one(project, tmp_path, style="standard", prompt="implicit", columns=False, held_out=True)
    assert implicit == TRANSCRIPT_ROW


def test_unpaired_rows_are_two_for_each_comparison(project: Project, tmp_path: Path) -> None:
    votes(project, 6)
    votes(project, 4)
    rows, manifest = take_out(project, tmp_path, format="kto", columns=False)
    assert [(row["completion"][0]["content"], row["label"]) for row in rows] == [
        ("Answer 1.", True),
        ("Answer 0.", False),
    ]
    assert manifest["rows"] == 2 and manifest["left_out"] == {"tie": 1}


def test_equal_rows_go_out_as_often_as_they_came(project: Project, tmp_path: Path) -> None:
    import_rows(project, tmp_path, [pair(1)] * 3)
    assert len(take_out(project, tmp_path, held_out=True)[0]) == 3
