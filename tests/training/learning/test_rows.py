"""Training rows survive the file unchanged and bad ones are named by line and reason."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.training.learning.tiny import answer, user
from training.learning.rows import PLAIN, SOURCES, PreferenceRow, read_rows, row_from_json, write_rows

ROW = PreferenceRow(
    comparison_id=7,
    prompt=user("Tell me about the sea."),
    responses=(answer("It is wide.\u2028"), answer("")),
    response_ids=(3, None),
    p=0.75,
    strength=2,
    weight=1.0,
    source="person",
    judgment_ids=(11, 12),
)
TEXT = st.text(max_size=20)
ROWS = st.builds(
    PreferenceRow,
    st.none() | st.integers(1, 10**9),
    TEXT.map(user),
    st.tuples(TEXT.map(answer), TEXT.map(answer) | st.just([])),
    st.tuples(st.none() | st.integers(1, 99), st.none()),
    st.floats(0, 1),
    st.none() | st.integers(-3, 3),
    st.floats(0, 10),
    st.sampled_from(SOURCES),
    st.lists(st.integers(1, 99), max_size=3).map(tuple),
)


@given(rows=st.lists(ROWS, max_size=4))
def test_rows_come_back_from_the_file_as_they_went(
    rows: list[PreferenceRow], tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("rows") / "rows.jsonl"
    assert write_rows(path, rows) == len(rows)
    assert list(read_rows(path)) == rows


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"p": 1.2}, "p is a probability"),
        ({"p": None}, "float"),
        ({"weight": -1.0}, "weight is a finite number"),
        ({"weight": float("nan")}, "weight is a finite number"),
        ({"strength": 4}, "strength is an integer from -3 to 3"),
        ({"source": "robot"}, "source is one of person, simulation"),
        ({"prompt": "hello"}, "prompt is a list of messages"),
        ({"prompt": [{"role": "user"}]}, "exactly the keys role and content"),
        ({"responses": [[{"role": "assistant", "content": 3}], []]}, "role and content are text"),
        ({"responses": [[]]}, "exactly two responses"),
        ({"mood": 1}, "unknown keys: mood"),
    ],
)
def test_a_bad_row_is_named_by_file_line_and_reason(tmp_path: Path, change: dict[str, object], reason: str) -> None:
    path = tmp_path / "rows.jsonl"
    write_rows(path, [ROW])
    good = path.read_text()
    path.write_text(good + json.dumps({**json.loads(good), **change}) + "\n")
    with pytest.raises(ValueError, match=f"rows.jsonl line 2: .*{reason}"):
        list(read_rows(path))


def test_a_missing_key_and_a_line_that_is_no_object_are_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"missing keys: .*weight"):
        row_from_json({"p": 0.5})
    with pytest.raises(ValueError, match="JSON object"):
        row_from_json([1])
    (tmp_path / "rows.jsonl").write_text("{oops\n")
    with pytest.raises(ValueError, match="line 1"):
        list(read_rows(tmp_path / "rows.jsonl"))


def test_an_interrupted_write_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    write_rows(path, [ROW])

    def broken() -> Iterator[PreferenceRow]:
        yield replace(ROW, comparison_id=8)
        raise RuntimeError("the source failed")

    with pytest.raises(RuntimeError):
        write_rows(path, broken())
    assert list(read_rows(path)) == [ROW]


def test_what_only_some_methods_read_is_kept_and_is_absent_where_nobody_gave_it(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    told = replace(
        ROW,
        rationale="shorter",
        criterion="brevity",
        ratings=({"helpfulness": 4.0}, {"helpfulness": 1.0}),
        steps=([1.0, 0.0], [0.5]),
        critiques=("clear", "rambles"),
    )
    write_rows(path, [told, ROW])
    assert list(read_rows(path)) == [told, ROW]
    assert not set(PLAIN) & set(json.loads(path.read_text().split("\n")[1]))
    with pytest.raises(ValueError, match="ratings says something of each of the two responses"):
        replace(ROW, ratings=({"helpfulness": 4.0},))
