"""What a row tells beside its verdict, or of one response: read, refused in words, and never lost."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labeling.formats.details import lines_of
from labeling.formats.examples import EXAMPLES, Example
from labeling.formats.parsing import FORMATS, give_back, parse_line
from tests.labeling.test_import_formats import parse, reason, same
from tests.labeling.transfers import said

PAIR = {"prompt": "Why?", "chosen": "One.\n\nTwo.", "rejected": "No."}
TOLD = {
    "criterion": "helpfulness",
    "ratings": [{"helpfulness": 4, "verbosity": 2.5}, {"helpfulness": 1}],
    "steps": [[True, 0.25], [False]],
    "critiques": ["Sound.", "Too short."],
}
STORED = {
    "ratings": [{"helpfulness": 4.0, "verbosity": 2.5}, {"helpfulness": 1.0}],
    "steps": [[1.0, 0.25], [0.0]],
    "critiques": ["Sound.", "Too short."],
}
ROWS: dict[str, dict[str, Any]] = {
    "trl": PAIR,
    "hh": {"chosen": "\n\nHuman: Why?\n\nAssistant: One.\n\nTwo.", "rejected": "\n\nHuman: Why?\n\nAssistant: No."},
    "annotators": {"instruction": "Why?", "response1": "One.\n\nTwo.", "response2": "No.", "annotator1": 1},
    "helpsteer2": {"prompt": "Why?", "response_1": "One.\n\nTwo.", "response_2": "No.", "preference_strength": -1},
}


def comes_back(row: Any) -> bool:
    """Whether the row is given back in every field."""
    parsed = parse(row)
    return same(give_back(parsed.row.prompt, parsed.row.responses, json.loads(json.dumps(parsed.extra))), row)


@pytest.mark.parametrize("name", ROWS)
def test_every_format_of_pairs_may_tell_more_than_a_verdict(name: str) -> None:
    parsed = parse({**ROWS[name], **TOLD})
    assert (parsed.format, parsed.row.kind, parsed.row.criterion) == (name, "pair", "helpfulness")
    assert parsed.row.details == STORED and parsed.row.warnings == []
    assert comes_back({**ROWS[name], **TOLD})


def test_what_nobody_said_is_absent() -> None:
    nothing: dict[str, Any] = {"criterion": None, "ratings": [{}, None], "steps": [[], None], "critiques": ["", None]}
    for row in (PAIR, {**PAIR, **nothing}, {**PAIR, "ratings": [{"a": None}, {}], "criterion": "  "}):
        parsed = parse(row).row
        assert (parsed.criterion, parsed.details, parsed.warnings) == ("", {}, [])


def test_one_response_may_be_told_of_alone() -> None:
    parsed = parse({**PAIR, "ratings": [None, {"a": 1}], "steps": [[1, 0], []], "critiques": ["", "Short."]}).row
    assert parsed.details == {"ratings": [{}, {"a": 1.0}], "steps": [[1.0, 0.0], []], "critiques": ["", "Short."]}


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("criterion", 5, "at most 200"),
        ("criterion", "a" * 201, "at most 200"),
        ("ratings", 5, "a list of 2, an object of numbers for each"),
        ("ratings", [{"a": 1}], "a list of 2"),
        ("ratings", [{"a": 1}, 2], "ratings[1] would be an object"),
        ("ratings", [{"a": True}, {}], "ratings[0].a would be a number"),
        ("ratings", [{"a": "5"}, {}], "ratings[0].a would be a number"),
        ("ratings", [{"a": 10**400}, {}], "ratings[0].a would be a number"),
        ("steps", "none", "a list of marks for each"),
        ("steps", [True, False], "steps[0] would be a list of marks"),
        ("steps", [[2, 0], []], "numbers from 0 to 1"),
        ("steps", [[True], [True]], "1 marks for 2 lines"),
        ("critiques", ["a", 1], "critiques[1] would be a text"),
    ],
)
def test_what_has_another_shape_is_kept_with_a_warning(field: str, value: Any, words: str) -> None:
    parsed = parse({**PAIR, **TOLD, field: value}).row
    [warning] = parsed.warnings
    assert warning.startswith(f"{field} is not read: ") and words in warning
    assert (parsed.criterion == "") == (field == "criterion") and (field not in parsed.details)
    assert len(parsed.details) == (3 if field == "criterion" else 2)
    assert comes_back({**PAIR, **TOLD, field: value})


def test_the_steps_of_several_messages_are_not_read() -> None:
    turns = [said("assistant", "A"), said("user", "B"), said("assistant", "C")]
    row = {"prompt": [said("user", "Why?")], "chosen": turns, "rejected": turns[:1], "steps": [[1], [0]]}
    assert "3 messages" in parse(row).row.warnings[0]


def test_the_scores_of_binarized_rows_are_ratings() -> None:
    scored = {**PAIR, "score_chosen": 8, "score_rejected": 2.5}
    assert parse(scored).row.details == {"ratings": [{"score": 8.0}, {"score": 2.5}]}
    assert parse({**scored, "ratings": TOLD["ratings"]}).row.details == {"ratings": STORED["ratings"]}
    assert parse({**PAIR, "score_rejected": 1}).row.details == {"ratings": [{}, {"score": 1.0}]}
    worded = parse({**PAIR, "score_chosen": "good", "score_rejected": None}).row
    assert worded.details == {} and "score_chosen is not read" in worded.warnings[0]
    assert comes_back(scored)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.title)
def test_the_examples_are_read_as_what_they_are_said_to_be(example: Example) -> None:
    parsed = parse_line(example.row.encode())
    assert parsed.format == example.format or (not example.format and len(parsed.row.details) == 3)
    assert parsed.row.warnings == [] and {one.format for one in EXAMPLES} >= FORMATS.keys() - {"heed"}


# --- one response

RATED = {"prompt": "Why?", "response": "One.\nTwo."}


def test_a_rated_response_is_an_assessment() -> None:
    parsed = parse({**RATED, "ratings": {"kindness": 3}, "steps": [True, 0], "critique": "Fine."})
    assert (parsed.format, parsed.row.kind, parsed.row.judgments) == ("rated", "assessment", [])
    assert parsed.row.details == {"ratings": [{"kindness": 3.0}], "steps": [[1.0, 0.0]], "critiques": ["Fine."]}


def test_helpsteers_columns_are_ratings() -> None:
    columns = {"helpfulness": 4, "correctness": 3, "coherence": 4, "complexity": None, "verbosity": 2}
    ratings = {"helpfulness": 4.0, "correctness": 3.0, "coherence": 4.0, "verbosity": 2.0}
    assert parse({**RATED, **columns}).row.details == {"ratings": [ratings]}
    assert parse({**RATED, **columns, "ratings": {"a": 1}}).row.details == {"ratings": [{"a": 1.0}]}


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({}, "nothing is said of the response"),
        ({"ratings": {}, "critique": "", "steps": []}, "nothing is said of the response"),
        ({"ratings": [1]}, "ratings[0] would be an object"),
        ({"steps": [True]}, "1 marks for 2 lines"),
        ({"helpfulness": "much"}, "helpfulness would be a number"),
    ],
)
def test_a_response_of_which_nothing_is_said_is_refused(more: Any, words: str) -> None:
    assert words in reason({**RATED, **more})


def test_what_is_said_of_a_response_is_read_beside_what_is_not() -> None:
    parsed = parse({**RATED, "critique": "Fine.", "steps": 5}).row
    assert parsed.details == {"critiques": ["Fine."]} and "steps is not read" in parsed.warnings[0]


def test_stepwise_completions_are_one_response_with_a_mark_for_each_line() -> None:
    row = {"prompt": "9.11 or 9.9?", "completions": ["Look.\n\nCloser.", "So 9.11."], "labels": [True, False]}
    parsed = parse(row)
    assert (parsed.format, parsed.row.kind) == ("stepwise", "assessment")
    [response] = parsed.row.responses
    assert response.messages == [said("assistant", "Look.\n\nCloser.\nSo 9.11.")]
    assert parsed.row.details == {"steps": [[1.0, 1.0, 0.0]]}
    assert parse({**row, "labels": [0.5, 1]}).row.details == {"steps": [[0.5, 0.5, 1.0]]}


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"labels": [True]}, "the same length"),
        ({"labels": "yes"}, "two lists"),
        ({"labels": [True, 2]}, "labels[1] is 2"),
        ({"labels": [True, None]}, "labels[1] is None"),
        ({"completions": ["A", None]}, "completions[1] is null"),
        ({"completions": ["", " "]}, "no step"),
        ({"completions": [], "labels": []}, "no step"),
    ],
)
def test_a_bad_stepwise_row_is_refused_with_its_reason(more: Any, words: str) -> None:
    assert words in reason({"prompt": "Why?", "completions": ["A", "B"], "labels": [True, True], **more})


def test_a_completion_shows_how_to_answer() -> None:
    for prompt, completion in (("Why?", "So."), ([said("user", "Why?")], [said("assistant", "So.")])):
        parsed = parse({"prompt": prompt, "completion": completion, "label": None})
        assert (parsed.format, parsed.row.kind, parsed.row.judgments) == ("demonstrations", "demonstration", [])
        assert parsed.row.prompt == [said("user", "Why?")]
        assert parsed.row.responses[0].messages == [said("assistant", "So.")]


@pytest.mark.parametrize(("label", "good"), [(True, 1.0), (False, 0.0), (0.25, 0.25)])
def test_a_labelled_completion_was_found_good_or_bad(label: Any, good: float) -> None:
    for completion in ("So.", "", [said("assistant", "So.")]):
        row = {"prompt": "Why?", "completion": completion, "label": label, "split": "train"}
        parsed = parse(row)
        assert (parsed.format, parsed.row.kind) == ("kto", "assessment")
        assert parsed.row.details == {"ratings": [{"label": good}]}
        assert give_back(parsed.row.prompt, parsed.row.responses, parsed.extra) == row


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ({"prompt": "Why?", "completion": "So.", "label": "good"}, "write true, false, or a number"),
        ({"prompt": "Why?", "completion": " "}, "completion is empty"),
        ({"prompt": [], "completion": "So."}, "prompt is an empty list"),
        ({"prompt": "Why?", "completion": []}, "completion is an empty list"),
        ({"prompt": "Why?", "completion": None}, "completion is null"),
        ({"messages": [said("user", "Why?"), said("assistant", "So.")]}, "written as prompt and completion"),
    ],
)
def test_what_is_no_demonstration_is_refused_with_its_reason(row: Any, words: str) -> None:
    assert words in reason(row)


# --- HelpSteer2's pairs

STRENGTHS = [(-3, 1), (-2, 2), (-1, 3), (0, 4), (1, 5), (2, 6), (3, 7), (2.0, 6)]


def test_a_preference_strength_is_a_verdict_on_our_bar() -> None:
    for strength, answer in STRENGTHS:
        row = {**ROWS["helpsteer2"], "preference_strength": strength, "preference_statement": "It is."}
        [judgment] = parse(row).row.judgments
        assert (judgment.answer, judgment.order_shown, judgment.reason) == (answer, (0, 1), "It is.")
    assert parse({**ROWS["helpsteer2"], "preference_statement": None}).row.judgments[0].reason == ""
    assert "preference_statement" in parse({**ROWS["helpsteer2"], "preference_statement": 1}).row.warnings[0]


@pytest.mark.parametrize("strength", [4, -4, 1.5, True, "1", None])
def test_a_preference_strength_that_there_is_not_is_refused(strength: Any) -> None:
    words = reason({**ROWS["helpsteer2"], "preference_strength": strength})
    assert f"preference_strength is {strength!r}; write a whole number from -3" in words


def test_marks_between_turns_cut_a_prompt() -> None:
    text = "Hi\n<extra_id_1>Assistant\nHello\n<extra_id_1>User\nWhy?\nNow"
    for row in ({**ROWS["helpsteer2"], "prompt": text}, {**RATED, "prompt": text, "critique": "Fine."}):
        assert parse(row).row.prompt == [said("user", "Hi"), said("assistant", "Hello"), said("user", "Why?\nNow")]
        assert comes_back(row) and comes_back({**row, "prompt": "<extra_id_1>User\nWhy? <extra_id_1>Assistant"})


# --- nothing is lost

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)
LINES = st.text("ab \n\r\u2028", max_size=12)
NUMBER = st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(10**12), 10**12)
MARK = st.booleans() | st.floats(0, 1) | st.integers(0, 1)
RATINGS = st.dictionaries(TEXT, NUMBER, max_size=3)
ANSWER = LINES | LINES.map(lambda text: [said("assistant", text)])


@st.composite
def told_rows(draw: st.DrawFn) -> dict[str, Any]:
    """Rows of one response, and pairs that tell more than a verdict."""
    kind = draw(st.sampled_from(["rated", "stepwise", "demonstrations", "helpsteer2", "trl"]))
    if kind == "rated":
        return {"prompt": draw(ANSWER), "response": draw(ANSWER), "critique": "Fine.", "ratings": draw(RATINGS)}
    if kind == "stepwise":
        steps = draw(st.lists(st.tuples(LINES, MARK), max_size=4))
        texts, labels = [text for text, _ in steps], [mark for _, mark in steps]
        return {"prompt": draw(ANSWER), "completions": [*texts, "End."], "labels": [*labels, True]}
    if kind == "demonstrations":
        return {"completion": draw(LINES) + "So.", "prompt": draw(ANSWER), "split": draw(TEXT)}
    texts = [draw(LINES), draw(LINES)]
    more = {
        "criterion": draw(TEXT),
        "ratings": draw(st.tuples(RATINGS, RATINGS).map(list)),
        "steps": [draw(st.lists(MARK, min_size=n, max_size=n)) for n in (len(lines_of(text)) for text in texts)],
        "critiques": [draw(TEXT), draw(TEXT)],
    }
    if kind == "trl":
        return {"prompt": draw(ANSWER), "chosen": texts[0], "rejected": texts[1], **more}
    pair = {"prompt": draw(ANSWER), "response_1": texts[0], "response_2": texts[1]}
    return {**more, **pair, "preference_strength": draw(st.integers(-3, 3))}


@given(told_rows())
def test_whatever_is_told_is_read_and_comes_back(row: Any) -> None:
    parsed = parse(row)
    assert parsed.row.warnings == [] and comes_back(row)
    if parsed.row.kind == "pair":
        assert parsed.row.criterion == row["criterion"].strip()
        for name in ("ratings", "steps", "critiques"):
            assert parsed.row.details.get(name, row[name]) == row[name]
            assert (name in parsed.row.details) == any(row[name])
    assert json.loads(json.dumps(parsed.row.details)) == parsed.row.details
