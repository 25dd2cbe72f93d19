"""What a row of each format is read as, and that nothing of it gets lost."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labeling.formats.parsing import FORMATS, Parsed, canonical, give_back, parse_line
from labeling.formats.rows import BadRow
from labeling.formats.texts import split_conversations, split_texts
from tests.labeling.transfers import said


def parse(row: Any, **options: Any) -> Parsed:
    return parse_line(json.dumps(row).encode(), **options)


def texts(parsed: Parsed) -> list[str]:
    return [turn["content"] for response in parsed.row.responses for turn in response.messages]


def reason(row: Any) -> str:
    with pytest.raises(BadRow) as refused:
        parse_line(row.encode() if isinstance(row, str) else json.dumps(row).encode())
    return str(refused.value)


def test_an_explicit_row_of_texts_prefers_the_chosen_one_stored_first() -> None:
    parsed = parse({"prompt": "Why?", "chosen": "Because.", "rejected": "No."})
    assert parsed.format == "trl"
    assert parsed.row.prompt == [said("user", "Why?")]
    assert texts(parsed) == ["Because.", "No."]
    assert [judgment.answer for judgment in parsed.row.judgments] == [2]


def test_an_explicit_row_of_messages_keeps_its_prompt() -> None:
    asked = [said("system", "Be kind."), said("user", "Why?")]
    parsed = parse({"prompt": asked, "chosen": [said("assistant", "A")], "rejected": [said("assistant", "B")]})
    assert parsed.row.prompt == asked and texts(parsed) == ["A", "B"]


def test_the_prompt_of_an_implicit_row_is_the_longest_common_prefix_of_messages() -> None:
    start = [said("user", "Hi"), said("assistant", "Hello"), said("user", "Why?")]
    parsed = parse({"chosen": [*start, said("assistant", "A")], "rejected": [*start, said("assistant", "B")]})
    assert parsed.row.prompt == start and texts(parsed) == ["A", "B"]


def test_equal_conversations_leave_one_message_each_to_compare() -> None:
    same = [said("user", "Why?"), said("assistant", "A")]
    parsed = parse({"chosen": same, "rejected": same})
    assert parsed.row.prompt == same[:1] and texts(parsed) == ["A", "A"]


def test_a_prompt_beside_conversations_that_hold_it_is_not_asked_twice() -> None:
    whole = [said("user", "Why?"), said("assistant", "A")], [said("user", "Why?"), said("assistant", "B")]
    for prompt in ("Why?", [said("user", "Why?")]):
        parsed = parse({"prompt": prompt, "chosen": whole[0], "rejected": whole[1]})
        assert parsed.row.prompt == [said("user", "Why?")] and texts(parsed) == ["A", "B"]


def test_the_prompt_of_implicit_texts_ends_at_a_word() -> None:
    parsed = parse({"chosen": "The sky is blue.", "rejected": "The sky is black."})
    assert parsed.row.prompt == [said("user", "The sky is")]
    assert texts(parsed) == [" blue.", " black."]


def test_implicit_texts_without_a_common_beginning_have_an_empty_prompt_and_a_warning() -> None:
    parsed = parse({"chosen": "Yes.", "rejected": "No."})
    assert parsed.row.prompt == [said("user", "")] and texts(parsed) == ["Yes.", "No."]
    assert "no common beginning" in parsed.row.warnings[0]


def test_a_transcript_is_cut_into_its_turns() -> None:
    start = "\n\nHuman: Hi\n\nAssistant: Hello\n\nHuman: Why?\n\nmore"
    parsed = parse({"chosen": start + "\n\nAssistant: A", "rejected": start + "\n\nAssistant:"})
    assert parsed.format == "hh"
    assert parsed.row.prompt == [said("user", "Hi"), said("assistant", "Hello"), said("user", "Why?\n\nmore")]
    assert texts(parsed) == ["A", ""]


def test_a_transcript_may_go_on_for_several_turns_after_the_prompt() -> None:
    chosen = "\n\nHuman: Hi\n\nAssistant: A\n\nHuman: And?\n\nAssistant: B"
    parsed = parse({"chosen": chosen, "rejected": "\n\nHuman: Hi\n\nAssistant: C"})
    assert [len(response.messages) for response in parsed.row.responses] == [3, 1]


def test_a_transcript_in_the_prompt_is_cut_too() -> None:
    parsed = parse({"prompt": "\n\nHuman: Hi\n\nAssistant:", "chosen": " A", "rejected": " B"})
    assert parsed.format == "hh" and parsed.row.prompt == [said("user", "Hi")] and texts(parsed) == ["A", "B"]


def annotated(**more: Any) -> dict[str, Any]:
    return {"instruction": "Translate.", "input": "Ja.", "response1": "Yes.", "response2": "No.", **more}


def test_each_annotator_is_a_rater_and_zero_is_a_tie() -> None:
    parsed = parse(annotated(annotator1=0, annotator2=1, annotator3=2))
    assert parsed.row.prompt == [said("user", "Translate.\n\nJa.")]
    assert [(judgment.rater, judgment.answer) for judgment in parsed.row.judgments] == [
        ("annotator1", 4),
        ("annotator2", 2),
        ("annotator3", 6),
    ]


def test_an_empty_input_adds_nothing_to_the_instruction() -> None:
    assert parse(annotated(annotator1=1, input="")).row.prompt == [said("user", "Translate.")]


@pytest.mark.parametrize(("value", "text"), [(True, "true"), (False, "false"), (3, "3"), (2.5, "2.5")])
def test_a_json_scalar_becomes_its_json_text_with_a_warning(value: Any, text: str) -> None:
    parsed = parse(annotated(annotator1=1, response1=value))
    assert texts(parsed)[0] == text
    assert len(parsed.row.warnings) == 1 and "response1" in parsed.row.warnings[0]


def test_an_empty_response_is_a_response() -> None:
    assert texts(parse({"prompt": "Why?", "chosen": "", "rejected": "No."})) == ["", "No."]


def test_a_prompt_keeps_its_tags_and_difficulty() -> None:
    parsed = parse({"messages": [said("user", "Why?")], "tags": ["short"], "difficulty": 2, "id": "p1"})
    assert (parsed.format, parsed.row.tags, parsed.row.difficulty) == ("prompts", ["short"], 2.0)
    assert parsed.row.responses == [] and parsed.own_id == '["id", "p1"]'


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("[1, 2]", "must be a JSON object"),
        ('{"prompt": "a"', "not JSON"),
        ('{"prompt": NaN}', "NaN is not JSON"),
        ('{"a": 1}', "no format has the fields a"),
        ('{"prompt": "a\\u0000b"}', "U+0000"),
        ('{"prompt": "a\\ud800b"}', "surrogate"),
        ('{"prompt": ' + "[" * 500 + "]" * 500 + "}", "nested deeper"),
        ('{"prompt": "a", "size": 1e999}', "too large"),
        ('{"prompt": "a", "size": ' + "9" * 5000 + "}", "digits"),
        ({"prompt": None}, "null"),
        ({"prompt": "  "}, "empty"),
        ({"prompt": "a", "tags": "b"}, "tags"),
        ({"prompt": "a", "difficulty": "hard"}, "difficulty"),
        ({"messages": [said("assistant", "a")]}, "waits for an answer"),
        ({"messages": [said("robot", "a")]}, "known are system"),
        ({"messages": [{"role": "user"}]}, "has no 'content'"),
        ({"prompt": "a", "chosen": {"a": 1}, "rejected": "b"}, "must be a text, not an object"),
        ({"prompt": "a", "chosen": None, "rejected": "b"}, 'written as ""'),
        ({"chosen": [said("user", "a")], "rejected": "b"}, "both"),
        ({"chosen": [said("user", "a")], "rejected": [said("user", "b")]}, "no prompt"),
        ({"chosen": "\n\nHuman: a\n\nAssistant: b", "rejected": "c"}, "not a transcript"),
        (annotated(annotator1=3), "annotator1 is 3"),
        (annotated(annotator1=True), "annotator1 is True"),
        (annotated(), "no annotator"),
        ({"heed": 2, "responses": []}, "version 2"),
    ],
)
def test_a_bad_row_is_refused_with_its_reason(row: Any, words: str) -> None:
    assert words in reason(row)


def test_a_row_that_is_not_of_the_named_format_is_refused() -> None:
    with pytest.raises(BadRow, match="not a row of the format 'hh'"):
        parse({"prompt": "a"}, only=FORMATS["hh"])


# --- nothing is lost

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=30)
NUMBER = st.integers(-(10**20), 10**20) | st.floats(allow_nan=False, allow_infinity=False)
JSON = st.recursive(
    st.none() | st.booleans() | NUMBER | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)
SCALAR_OR_TEXT = TEXT | st.booleans() | st.integers(-9, 9)
MESSAGES = st.lists(
    st.fixed_dictionaries(
        {"role": st.sampled_from(["user", "assistant", "system"]), "content": TEXT}, optional={"name": TEXT}
    ),
    min_size=1,
    max_size=4,
)
TRANSCRIPT = st.lists(st.tuples(st.sampled_from(["Human:", "Assistant:"]), TEXT), min_size=1, max_size=4).map(
    lambda turns: "".join(f"\n\n{who} {text}" for who, text in turns)
)
RESERVED = ("prompt", "chosen", "rejected", "messages", "instruction", "heed", "responses", "id", "idx")
MORE = st.dictionaries(TEXT.filter(lambda key: key not in RESERVED), JSON, max_size=3)


@st.composite
def rows(draw: st.DrawFn) -> dict[str, Any]:
    """Rows of every format but Heed's own, with further fields of any shape."""
    more = draw(MORE)
    kind = draw(st.sampled_from(["explicit", "implicit", "messages", "whole", "hh", "annotators", "prompt"]))
    if kind == "explicit":
        return {"prompt": draw(TEXT), "chosen": draw(SCALAR_OR_TEXT), "rejected": draw(SCALAR_OR_TEXT), **more}
    if kind == "implicit":
        start = draw(TEXT)
        return {"chosen": start + draw(TEXT), "rejected": start + draw(TEXT), **more}
    if kind == "messages":
        return {"prompt": draw(MESSAGES), "chosen": draw(MESSAGES), "rejected": draw(MESSAGES), **more}
    if kind == "whole":
        start = draw(MESSAGES)
        return {**more, "chosen": start + draw(MESSAGES), "rejected": start + draw(MESSAGES)}
    if kind == "hh":
        start = "\n\nHuman: " + draw(TEXT)
        return {"chosen": start + draw(TRANSCRIPT), "rejected": start + draw(TRANSCRIPT), **more}
    if kind == "annotators":
        labels = {f"annotator{n}": draw(st.integers(0, 2)) for n in range(1, draw(st.integers(2, 4)))}
        given = {"input": draw(TEXT)} if draw(st.booleans()) else {}
        both = {"response1": draw(SCALAR_OR_TEXT), "response2": draw(SCALAR_OR_TEXT)}
        return {"instruction": draw(TEXT), **given, **both, **labels, **more}
    return {**more, "prompt": draw(TEXT.filter(str.strip)), "tags": draw(st.lists(TEXT.filter(bool), max_size=2))}


def same(one: Any, other: Any) -> bool:
    """Equal in every field and of the same types (1, 1.0 and true are three things), the fields in their order."""
    return canonical(one) == canonical(other) and list(one) == list(other)


@given(rows())
def test_every_row_comes_back_field_by_field(row: Any) -> None:
    parsed = parse(row)
    extra = json.loads(json.dumps(parsed.extra))
    assert same(give_back(parsed.row.prompt, parsed.row.responses, extra), row)


@given(MESSAGES, MESSAGES, MESSAGES)
def test_prompt_and_continuations_make_up_the_conversations(start: Any, first: Any, second: Any) -> None:
    prompt, one, other = split_conversations(start + first, start + second)
    assert prompt + one == start + first and prompt + other == start + second
    assert one and other and len(prompt) >= len(start)


@given(TEXT, TEXT, TEXT)
def test_prompt_and_continuations_make_up_the_texts(start: Any, first: Any, second: Any) -> None:
    prompt, one, other = split_texts(start + first, start + second)
    assert prompt + one == start + first and prompt + other == start + second
    assert prompt == prompt.rstrip()
