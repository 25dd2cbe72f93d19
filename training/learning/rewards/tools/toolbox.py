"""The tools there are, and the one door to them."""

from collections.abc import Callable
from dataclasses import dataclass

from .calculator import calculate
from .calendar import reckon
from .counting import form, occurrences

LONGEST_INPUT = 300
LONGEST_OUTPUT = 300


@dataclass(frozen=True)
class Tool:
    """What a tool is for, and how it answers an input about a response. It reads nothing else and keeps nothing."""

    meaning: str
    answer: Callable[[str, str], str]


def _form(text: str, response: str) -> str:
    return ", ".join(f"{count} {name}" for name, count in form(response).items())


def _count(text: str, response: str) -> str:
    return f"{text.strip()!r} stands {occurrences(text, response)} times in the response"


TOOLS: dict[str, Tool] = {
    "calculator": Tool("arithmetic on numbers: + - * / ** and parentheses", lambda text, _: calculate(text)),
    "calendar": Tool(
        "a date's weekday, a date and days, or two dates: 2026-03-01, 2026-03-01 + 90 days, 2026-03-01 to 2026-05-30",
        lambda text, _: reckon(text),
    ),
    "form": Tool("counts of the response: words, sentences, bullets, questions …; the input may be empty", _form),
    "count": Tool("how often a word or phrase stands in the response", _count),
}


def use(name: str, text: str, response: str) -> str:
    """A tool's answer, or why there is none: what goes back into the trace. Never raises for what a model wrote."""
    tool = TOOLS.get(name.strip().lower())
    if tool is None:
        return f"there is no such tool; there are {', '.join(TOOLS)}"
    if len(text) > LONGEST_INPUT:
        return f"the input is longer than {LONGEST_INPUT} characters"
    try:
        return tool.answer(text, response)[:LONGEST_OUTPUT]
    except ValueError as error:
        return f"no answer: {error}"[:LONGEST_OUTPUT]
