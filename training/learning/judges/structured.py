"""Answers that are to have a form: read by hand, and asked again once with what was wrong."""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeVar

from ..rows import Message
from .client import ChatClient, Listen, Question, ignore
from .trouble import NoUsableAnswer

Read = TypeVar("Read")
FENCE = re.compile(r"```[a-z]*\n(.*?)```", re.DOTALL)
LONGEST = 50_000


def fenced(text: str) -> str:
    """What stands in the first fenced block of an answer, or the whole answer where there is none."""
    found = FENCE.search(text[:LONGEST])
    return (found[1] if found else text[:LONGEST]).strip()


def json_object(text: str, fields: dict[str, type | tuple[type, ...]]) -> dict[str, Any]:
    """The JSON object of an answer, which has these fields of these types (others are left out).

    Raises ValueError that says what is missing or wrong. A bool is no number.
    """
    inner = fenced(text)
    begin, end = inner.find("{"), inner.rfind("}")
    try:
        data = json.loads(inner[begin : end + 1]) if begin >= 0 else None
    except (ValueError, RecursionError) as error:
        raise ValueError(f"the answer is no JSON object: {error}") from None
    if not isinstance(data, dict):
        raise ValueError("the answer holds no JSON object")
    for name, kind in fields.items():
        if name not in data:
            raise ValueError(f"the JSON object has no {name!r}")
        if not isinstance(data[name], kind) or (isinstance(data[name], bool) and kind is not bool):
            raise ValueError(f"{name!r} in the JSON object is of another type")
    return {name: data[name] for name in fields}


def ask_for(
    client: ChatClient, question: Question, read: Callable[[str], Read], tries: int = 2, heard: Listen = ignore
) -> Read:
    """An answer as ``read`` understands it; one that it refuses (ValueError), or that was cut, is sent back with the
    reason.

    ``heard`` is called as by ``ask_all``. Raises NoUsableAnswer with the last reason after ``tries``.
    """
    asked = question
    for left in range(tries - 1, -1, -1):
        (answer,) = client.ask_all([asked], heard)
        if isinstance(answer, NoUsableAnswer):
            raise answer
        text = answer.text
        try:
            if answer.cut and not FENCE.search(text[:LONGEST]):  # a closed block is whole, whatever came after it
                raise ValueError(f"it was cut off at {asked.max_tokens} tokens, be briefer")
            return read(text)
        except ValueError as error:
            if not left:
                raise NoUsableAnswer(f"{client.endpoint.shown} answered in no usable form: {error}") from None
            back: tuple[Message, ...] = (
                {"role": "assistant", "content": text[:LONGEST]},
                {"role": "user", "content": f"That cannot be used: {error}. Answer again in the form asked for."},
            )
            asked = replace(asked, messages=(*asked.messages, *back))
    raise AssertionError("the last try returns or raises")
