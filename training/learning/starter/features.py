"""What can be seen in an answer by looking at it: the features the starter has to vary in."""

import re
from collections.abc import Callable

_WORD = re.compile(r"[A-Za-z][A-Za-z'\-]*|\d+")
_LIST_LINE = re.compile(r"^\s*(?:[-*]|\d+\.) ", re.MULTILINE)
_ADDRESS = re.compile(r"\b(?:you|your|yours|you're|you'll|you'd)\b", re.IGNORECASE)
_HEDGE = re.compile(
    r"\b(?:maybe|perhaps|possibly|probably|presumably|might|could|seems?|may)\b|\bnot sure\b", re.IGNORECASE
)
_THANKS = re.compile(r"\b(?:thanks?|grateful|appreciated)\b", re.IGNORECASE)
_EXAMPLE = re.compile(r"\b(?:for example|for instance|such as|example:)", re.IGNORECASE)


def words(text: str) -> list[str]:
    """The words of a text; numbers count, punctuation and list marks do not."""
    return _WORD.findall(_LIST_LINE.sub("", text))


def is_list(text: str) -> bool:
    """Whether at least two lines are items."""
    return len(_LIST_LINE.findall(text)) >= 2


def has_number(text: str) -> bool:
    """Whether there is a digit that is not a list mark."""
    return re.search(r"\d", _LIST_LINE.sub("", text)) is not None


def is_mostly_short_words(text: str) -> bool:
    """Whether at least two thirds of the words have four letters or fewer."""
    lengths = [len(word) for word in words(text)]
    return sum(length <= 4 for length in lengths) * 3 >= 2 * len(lengths) > 0


def is_mostly_long_words(text: str) -> bool:
    """Whether at least half of the words have six letters or more."""
    lengths = [len(word) for word in words(text)]
    return sum(length >= 6 for length in lengths) * 2 >= len(lengths) > 0


FEATURES: dict[str, Callable[[str], bool]] = {
    "asking back": lambda text: "?" in text,
    "addressing the reader": lambda text: _ADDRESS.search(text) is not None,
    "exclaiming": lambda text: "!" in text,
    "listing": is_list,
    "hedging": lambda text: _HEDGE.search(text) is not None,
    "thanking": lambda text: _THANKS.search(text) is not None,
    "numbers": has_number,
    "an example": lambda text: _EXAMPLE.search(text) is not None,
    "mostly short words": is_mostly_short_words,
    "mostly long words": is_mostly_long_words,
}


def shares(answers: list[str]) -> dict[str, float]:
    """The share of answers that show each feature."""
    return {name: sum(map(shows, answers)) / len(answers) for name, shows in FEATURES.items()}


def repeats_six_words(text: str) -> bool:
    """Whether any six words in a row occur twice."""
    lowered = [word.lower() for word in words(text)]
    runs = [tuple(lowered[i : i + 6]) for i in range(len(lowered) - 5)]
    return len(set(runs)) < len(runs)
