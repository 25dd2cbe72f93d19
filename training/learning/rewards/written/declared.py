"""The features that written reward code may read: each a number of a prompt and a response, with what it means."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from ..fast.style import COMMON, PATTERNS, WORD
from ..tools.counting import form

WARM = frozenset("thank thanks glad happy lovely wonderful great welcome enjoy hope dear cheers luck".split())
HEDGES = frozenset("perhaps maybe might may could possibly probably likely seems often usually sometimes".split())


@dataclass(frozen=True)
class Feature:
    """What a feature means, in words that a language model and a person read, and how it is measured."""

    meaning: str
    measure: Callable[[str, str], float]


def _counted(name: str) -> Callable[[str, str], float]:
    return lambda prompt, response: float(form(response)[name])


def _pattern(name: str) -> Callable[[str, str], float]:
    return lambda prompt, response: float(len(PATTERNS[name].findall(response)))


def _listed(words: frozenset[str]) -> Callable[[str, str], float]:
    return lambda prompt, response: float(sum(word.lower() in words for word in WORD.findall(response)))


def _word_length(prompt: str, response: str) -> float:
    words = WORD.findall(response)
    return sum(map(len, words)) / len(words) if words else 0.0


def _echo(prompt: str, response: str) -> float:
    asked = {word.lower() for word in WORD.findall(prompt)} - COMMON
    said = {word.lower() for word in WORD.findall(response)}
    return len(asked & said) / len(asked) if asked else 0.0


def _distinct(prompt: str, response: str) -> float:
    words = [word.lower() for word in WORD.findall(response)]
    return len(set(words)) / len(words) if words else 0.0


def _ends_asking(prompt: str, response: str) -> float:
    return float(bool(re.search(r"\?[\"”’')\]]*\s*\Z", response)))


FEATURES: dict[str, Feature] = {
    "words": Feature("words of the response", _counted("words")),
    "characters": Feature("characters of the response", _counted("characters")),
    "sentences": Feature("its sentences", _counted("sentences")),
    "lines": Feature("its lines that are not empty", _counted("lines")),
    "bullets": Feature("its lines that begin with a bullet or a number", _counted("bullets")),
    "questions": Feature("its question marks", _counted("questions")),
    "exclamations": Feature("its exclamation marks", _counted("exclamations")),
    "numbers": Feature("its numbers in figures", _counted("numbers")),
    "examples": Feature("phrases that announce an example", _pattern("example")),
    "reasons": Feature("words that give a reason (because, so that …)", _pattern("reason")),
    "steps": Feature("words of sequence (first, then, finally …)", _pattern("sequence")),
    "you": Feature("how often it says you or your", _pattern("second person")),
    "me": Feature("how often it says I, me, we or our", _pattern("first person")),
    "negations": Feature("words of negation", _pattern("negation")),
    "warm_words": Feature(f"words out of the list {', '.join(sorted(WARM))}", _listed(WARM)),
    "hedges": Feature(f"words out of the list {', '.join(sorted(HEDGES))}", _listed(HEDGES)),
    "word_length": Feature("mean letters of its words", _word_length),
    "echo": Feature("share (0 to 1) of the prompt's telling words that it takes up", _echo),
    "distinct": Feature("share (0 to 1) of its words that are different words", _distinct),
    "ends_asking": Feature("1 where it ends with a question, else 0", _ends_asking),
}


def declaration() -> str:
    """The features as a list for the one who writes the code."""
    return "\n".join(f"{name}: {feature.meaning}" for name, feature in FEATURES.items())


def measured(texts: Sequence[tuple[str, str]]) -> list[Mapping[str, float]]:
    """The features of n (prompt, response) texts."""
    return [{name: one.measure(*text) for name, one in FEATURES.items()} for text in texts]
