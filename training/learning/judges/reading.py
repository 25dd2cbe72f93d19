"""Reading the answer out of a body of chat completions."""

import json
from dataclasses import dataclass

from .endpoint import Endpoint
from .trouble import NoUsableAnswer


@dataclass(frozen=True)
class Answer:
    """What was answered. ``cut``: the limit of tokens ended it. ``tokens`` counts what was read and written."""

    text: str
    cut: bool
    tokens: int


def read_answer(body: bytes, endpoint: Endpoint) -> Answer:
    """The answer in a body, checked by hand. Raises NoUsableAnswer where it holds no text, in words that say why."""
    try:
        told = json.loads(body)
        choice = told["choices"][0]
        text, ended = choice["message"].get("content"), choice.get("finish_reason")
    except (ValueError, TypeError, KeyError, IndexError, AttributeError, RecursionError):
        raise NoUsableAnswer(f"{endpoint.shown} answered something that is no chat completion") from None
    if ended == "content_filter":
        raise NoUsableAnswer(f"{endpoint.shown} kept its answer back: its filter refused the text")
    if not isinstance(text, str) or not text.strip():
        thought = " (its limit of tokens went into thinking)" if ended == "length" else ""
        raise NoUsableAnswer(f"{endpoint.shown} answered without a text{thought}")
    usage = told.get("usage")
    total = usage.get("total_tokens") if isinstance(usage, dict) else None
    tokens = total if isinstance(total, int) and total >= 0 else 0
    return Answer(_storable(text), ended == "length", tokens)


def _storable(text: str) -> str:
    """A text as files and databases take it: JSON can carry halves of characters and NULs, which neither holds."""
    return text.encode("utf-8", "replace").decode().replace("\0", "\ufffd")
