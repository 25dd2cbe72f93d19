"""The language of written rewards computes what Python computes, and holds nothing that could do anything else."""

import ast
import math
import string

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from training.learning.rewards.tools import TOOLS, use
from training.learning.rewards.written.expressions import (
    FUNCTIONS,
    LARGEST,
    Language,
    NoValue,
    Refused,
    parse_expression,
    parse_program,
    value_of,
)

NAMES = {"a": 2, "b": -0.5, "c": 7.25}
LANGUAGE = Language(frozenset(NAMES), FUNCTIONS)

numbers = st.one_of(st.integers(-9, 99).map(str), st.floats(-50, 50).map(lambda x: f"{x:.3f}"), st.sampled_from("abc"))


def _larger(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(
        st.tuples(inner, st.sampled_from("+ - * / ** < <= > >= == != and or".split()), inner).map(
            lambda t: f"({t[0]}) {t[1]} ({t[2]})"
        ),
        st.tuples(st.sampled_from(["-", "not ", "+"]), inner).map(lambda t: f"{t[0]}({t[1]})"),
        st.tuples(st.sampled_from(["log", "exp", "abs"]), inner).map(lambda t: f"{t[0]}({t[1]})"),
        st.tuples(st.sampled_from(["min", "max"]), inner, inner).map(lambda t: f"{t[0]}({t[1]}, {t[2]})"),
        st.tuples(inner, inner, inner).map(lambda t: f"({t[0]}) if ({t[1]}) else ({t[2]})"),
        st.tuples(inner, inner, inner).map(lambda t: f"({t[0]}) < ({t[1]}) <= ({t[2]})"),
    )


@given(st.recursive(numbers, _larger, max_leaves=12))
@settings(max_examples=120, deadline=None)
def test_it_agrees_with_python_wherever_both_have_a_value(source: str) -> None:
    tree = parse_expression(source, LANGUAGE)
    try:
        ours = value_of(tree, NAMES, FUNCTIONS)
    except NoValue:
        return
    # Python's own answer, in the oracle only: the source was made by this test out of the language's own signs.
    theirs = eval(source, {"__builtins__": {}, **FUNCTIONS, **NAMES})
    assert ours == theirs and not isinstance(ours, complex) and abs(ours) <= LARGEST


@given(st.recursive(numbers, _larger, max_leaves=6))
@settings(max_examples=50, deadline=None)
def test_it_has_no_value_only_where_python_fails_or_numbers_grow_huge(source: str) -> None:
    tree = parse_expression(source, LANGUAGE)
    try:
        value_of(tree, NAMES, FUNCTIONS)
    except NoValue as refusal:
        if "beyond" in str(refusal) or "binary digits" in str(refusal) or "root" in str(refusal):
            return
        with pytest.raises((ArithmeticError, ValueError)):
            eval(source, {"__builtins__": {}, **FUNCTIONS, **NAMES})


@pytest.mark.parametrize(
    "source",
    [
        "().__class__",
        "a.real",
        "a[0]",
        "[a]",
        "{a}",
        "{1: 2}",
        "(a, b)",
        "'text'",
        "b'x'",
        "f'{a}'",
        "True",
        "None",
        "...",
        "1j",
        "lambda: 1",
        "[x for x in a]",
        "(x for x in a)",
        "(a := 3)",
        "a if b else open",
        "__import__('os')",
        "open(1)",
        "min(*a)",
        "min(a, key=b)",
        "min(a)",
        "log(a, b)",
        "min(a, b)(1)",
        "(lambda: 1)()",
        "max",
        "unknown + 1",
        "a @ b",
        "a // b",
        "a % b",
        "a << 3",
        "a & b",
        "~a",
        "a is b",
        "a in b",
        "await a",
        "1e999",
        "1e101",
        "10" * 100,
        "import os",
        "a = 1",
        "del a",
        "a; b",
        "",
        "(" * 300 + "1" + ")" * 300,
        "-" * 3000 + "1",
        "1" + "+1" * 500,
        "a\0b",
        "9" * 5000,
        "not " * 60 + "a",
    ],
)
def test_what_is_not_of_the_language_is_refused(source: str) -> None:
    with pytest.raises(Refused):
        parse_expression(source, LANGUAGE)


@given(st.text(string.printable + "é²→", max_size=60))
@settings(max_examples=100, deadline=None)
def test_whatever_is_written_is_refused_in_words_or_computed(source: str) -> None:
    try:
        value_of(parse_expression(source, LANGUAGE), NAMES, FUNCTIONS)
    except (Refused, NoValue) as told:
        assert str(told)


@given(st.sampled_from([node for node in vars(ast).values() if isinstance(node, type) and issubclass(node, ast.expr)]))
def test_only_eight_kinds_of_node_are_in_the_language(kind: type[ast.expr]) -> None:
    allowed = {"Constant", "Name", "BinOp", "UnaryOp", "Compare", "BoolOp", "IfExp", "Call"}
    if kind.__name__ in allowed or kind is ast.expr:
        return
    from training.learning.rewards.written.expressions import check

    with pytest.raises(Refused, match="not of the language"):
        check(kind(), LANGUAGE)


@pytest.mark.parametrize(
    "source", ["9**9**9", "2**400", "(-8)**0.5", "1/0", "0**-1", "1e99*1e99", "log(0)", "exp(999)"]
)
def test_a_number_that_would_be_huge_or_is_none_has_no_value(source: str) -> None:
    with pytest.raises(NoValue):
        value_of(parse_expression(source, LANGUAGE), NAMES, FUNCTIONS)


def test_a_program_is_lines_that_name_values_and_ends_in_its_result() -> None:
    steps = parse_program("# short\nbrief = max(0, 1 - a / 4)\nreward = 2 * brief + c", LANGUAGE, "reward")
    assert [name for name, _ in steps] == ["brief", "reward"]
    for source, words in [
        ("brief = 1", "last line is"),
        ("", "last line is"),
        ("a = 3\nreward = a", "one new name"),
        ("x = 3\nx = 4\nreward = x", "one new name"),
        ("log = 3\nreward = log", "one new name"),
        ("x = y = 3\nreward = x", "every line is"),
        ("x.y = 3\nreward = 1", "one new name"),
        ("reward = later\nlater = 1", "there is no 'later'"),
        ("for x in a:\n  pass", "every line is"),
        ("def reward(): pass", "every line is"),
        ("x: int = 3\nreward = x", "every line is"),
        ("reward = " + "+".join("a" for _ in range(300)) + "\n", "at most"),
    ]:
        with pytest.raises(Refused, match=words):
            parse_program(source, LANGUAGE, "reward")


@given(st.integers(-(10**6), 10**6), st.integers(-(10**6), 10**6), st.sampled_from("+-*"))
def test_the_calculator_is_exact_on_whole_numbers(first: int, second: int, sign: str) -> None:
    wanted = {"+": first + second, "-": first - second, "*": first * second}[sign]
    assert use("calculator", f"({first}) {sign} ({second})", "") == str(wanted)


@pytest.mark.parametrize(
    ("tool", "text", "wanted"),
    [
        ("Calculator ", "2 × (3 − 1) ^ 3", "16"),
        ("calculator", "1 / 8", "0.125"),
        ("calculator", "1 / 0", "no answer: no value: division by zero"),
        ("calculator", "max(1, 2)", "no answer: Call is not of the language"),
        ("calculator", "1 if 2 else 3", "no answer: the calculator reads"),
        ("calculator", "1" * 400, "the input is longer"),
        ("calendar", "2026-03-01", "2026-03-01 is a Sunday, day 60 of the year"),
        ("calendar", "2026-03-01 + 90 days", "2026-05-30 is a Saturday, day 150 of the year"),
        ("calendar", "2026-03-01 - 2 weeks", "2026-02-15 is a Sunday, day 46 of the year"),
        ("calendar", "2026-03-01 to 2026-05-30", "90 days from 2026-03-01 to 2026-05-30"),
        ("calendar", "2026-02-30", "no answer: there is no such date"),
        ("calendar", "9999-12-31 + 999999 days", "no answer: there is no such date"),
        ("calendar", "soon", "no answer: write"),
        ("count", "The sea", "'The sea' stands 2 times in the response"),
        ("count", " ", "no answer: write the word"),
        ("form", "", "48 characters, 10 words, 4 sentences, 3 lines, 1 bullets"),
        ("shell", "rm -rf /", "there is no such tool; there are calculator"),
    ],
)
def test_each_tool_answers_or_says_why_not(tool: str, text: str, wanted: str) -> None:
    response = "The sea is wide.\n- The sea? the seas\n\n3 rivers!!"
    assert use(tool, text, response).startswith(wanted)


def test_every_tool_bounds_what_it_gives_back() -> None:
    assert all(len(use(name, "x" * 290, "word " * 10**5)) <= 300 for name in TOOLS)
    assert math.isfinite(float(use("calculator", "9.5**20", "")))
