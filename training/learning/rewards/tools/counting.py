"""What stands in the response, counted: its form, and single words in it."""

import re

from ..fast.style import SENTENCE, WORD

BULLET = re.compile(r"^[ \t]*(?:[-*•]|\d{1,2}[.)])[ \t]+\S", re.MULTILINE)
LONGEST = 50_000  # characters of a response that are looked at


def form(response: str) -> dict[str, int]:
    """Counts of a response: characters, words, sentences, lines, bullets, questions, exclamations, numbers."""
    seen = response[:LONGEST]
    return {
        "characters": len(seen),
        "words": len(WORD.findall(seen)),
        "sentences": sum(1 for part in SENTENCE.split(seen) if part.strip()),
        "lines": sum(1 for line in seen.splitlines() if line.strip()),
        "bullets": len(BULLET.findall(seen)),
        "questions": seen.count("?"),
        "exclamations": seen.count("!"),
        "numbers": len(re.findall(r"\d+", seen)),
    }


def occurrences(word: str, response: str) -> int:
    """How often a word or phrase stands in a response, as whole words, whatever its case."""
    wanted, seen = WORD.findall(word.lower()), WORD.findall(response[:LONGEST].lower())
    if not wanted:
        raise ValueError("write the word or phrase to count")
    return sum(seen[place : place + len(wanted)] == wanted for place in range(len(seen) - len(wanted) + 1))
