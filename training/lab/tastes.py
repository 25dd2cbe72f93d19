"""Six built-in tastes. A taste is any function `(prompt, response) -> utility`; more is better.

Each looks at another side of a text (length, address, feeling, form, content, wording), so that a loop that can
only learn one kind of preference is found out. Utilities are on one scale: about 1 between a typical answer and a
clearly better one, which is what the simulated people's strength of preference is read from.
"""

import importlib.util
import re
from collections.abc import Callable
from pathlib import Path

Taste = Callable[[str, str], float]

WORD = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*")
LIST_ITEM = re.compile(r"^\s*(?:[-*•]|\d{1,2}[.)])\s+\S", re.MULTILINE)
FIGURE = re.compile(r"\d+(?:[.,:]\d+)*")
EXAMPLE = re.compile(r"\b(?:for example|for instance|such as|e\.g\.|say,|an example)", re.IGNORECASE)
WARM = re.compile(
    r"\b(?:thank(?:s| you)|glad|happy|lovely|wonderful|great|welcome|enjoy|hope|dear|good luck|cheers)\b", re.IGNORECASE
)


def words(text: str) -> list[str]:
    """The words of a text, without punctuation."""
    return WORD.findall(text)


def brevity(prompt: str, response: str) -> float:
    """The fewer words the better, down to about ten; an empty answer is the worst."""
    count = len(words(response))
    return -3.0 if count == 0 else -max(count, 10) / 12.0


def asks_back(prompt: str, response: str) -> float:
    """An answer that asks the reader something; asking at its end counts most, a second question little."""
    questions = response.count("?")
    ends_with_one = response.rstrip().rstrip("\"')”’").endswith("?")
    return 1.2 * min(questions, 1) + 0.3 * min(max(questions - 1, 0), 2) + 0.8 * ends_with_one


def warmth(prompt: str, response: str) -> float:
    """Exclamations and warm words."""
    return 0.9 * min(response.count("!"), 3) + 0.7 * min(len(WARM.findall(response)), 3)


def lists(prompt: str, response: str) -> float:
    """Points one below the other, or first, second, then in a row."""
    items = len(LIST_ITEM.findall(response))
    ordinals = len(re.findall(r"\b(?:first|second|third|next|then|finally|lastly)\b", response, re.IGNORECASE))
    return 0.8 * min(items, 4) + 0.4 * min(ordinals, 3)


def concrete(prompt: str, response: str) -> float:
    """Numbers and examples."""
    return 0.8 * min(len(FIGURE.findall(response)), 3) + 1.2 * min(len(EXAMPLE.findall(response)), 2)


def plain_words(prompt: str, response: str) -> float:
    """Short, plain words: the mean length of a word, in letters, is what is disliked."""
    lengths = [len(word) for word in words(response)]
    return -3.0 if not lengths else 2.0 * (4.5 - sum(lengths) / len(lengths))


TASTES: dict[str, Taste] = {
    "brevity": brevity,
    "asks_back": asks_back,
    "warmth": warmth,
    "lists": lists,
    "concrete": concrete,
    "plain_words": plain_words,
}


def load_taste(name: str) -> Taste:
    """A built-in taste by name, or the function of a file as `PATH:FUNCTION`. Raises ValueError in words."""
    if name in TASTES:
        return TASTES[name]
    path, separator, function = name.rpartition(":")
    if not separator:
        raise ValueError(f"There is no taste {name!r}: write one of {', '.join(TASTES)}, or PATH:FUNCTION.")
    file = Path(path)
    if not file.is_file():
        raise ValueError(f"There is no file {path} to take the taste {function} from.")
    spec = importlib.util.spec_from_file_location("heed_taste", file)
    if spec is None or spec.loader is None:
        raise ValueError(f"{path} is not a Python file.")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    taste = getattr(module, function, None)
    if not callable(taste):
        raise ValueError(f"{path} has no function {function}(prompt, response).")
    return lambda prompt, response: float(taste(prompt, response))
