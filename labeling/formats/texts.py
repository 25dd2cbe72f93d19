"""Texts and messages as they stand in files: checked, and cut into prompt and responses."""

import json
from collections.abc import Callable

from labeling.formats.rows import BadRow, Json, Message

ROLES = ("system", "developer", "user", "assistant", "tool")


def read_text(value: Json, where: str, warnings: list[str]) -> str:
    """A text. A number or a boolean becomes its JSON text with a warning, because datasets really hold answers
    like `true` that a careless writer did not quote."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool | int | float):
        text = json.dumps(value)
        warnings.append(f"{where} is the JSON value {text}, not a text; it is taken as the text {text!r}")
        return text
    if value is None:
        raise BadRow(f'{where} is null; an empty text is written as ""')
    raise BadRow(f"{where} must be a text, not {_called(value)}")


def read_messages(value: Json, where: str, warnings: list[str]) -> list[Message]:
    """A list of messages, reduced to role and content. Raises BadRow naming the message and its fault."""
    if not isinstance(value, list):
        raise BadRow(f"{where} must be a list of messages, not {_called(value)}")
    messages: list[Message] = []
    for number, message in enumerate(value):
        place = f"{where}[{number}]"
        if not isinstance(message, dict):
            raise BadRow(f"{place} must be an object with role and content, not {_called(message)}")
        for key in ("role", "content"):
            if key not in message:
                raise BadRow(f"{place} has no {key!r}")
        role = message["role"]
        if role not in ROLES:
            raise BadRow(f"{place} has the role {role!r}; known are {', '.join(ROLES)}")
        messages.append({"role": role, "content": read_text(message["content"], f"{place}.content", warnings)})
    return messages


def read_turns(
    value: Json, where: str, warnings: list[str], says: Callable[[str], list[Message]]
) -> tuple[list[Message], str]:
    """A text or a list of messages, and which of the two (`text`, `messages`) it was."""
    if not isinstance(value, list):
        return says(read_text(value, where, warnings)), "text"
    messages = read_messages(value, where, warnings)
    if not messages:
        raise BadRow(f"{where} is an empty list")
    return messages, "messages"


def write_turns(messages: list[Message], style: str) -> Json:
    """What `read_turns` read."""
    return messages if style == "messages" else messages[0]["content"]


def user_says(text: str) -> list[Message]:
    """A prompt of one message."""
    return [{"role": "user", "content": text}]


def assistant_says(text: str) -> list[Message]:
    """A response of one message."""
    return [{"role": "assistant", "content": text}]


def split_conversations(
    first: list[Message], second: list[Message]
) -> tuple[list[Message], list[Message], list[Message]]:
    """Two conversations as their longest common prefix and two continuations of at least one message each.

    Raises BadRow where they do not begin alike: then there is no prompt that both answer.
    """
    longest = min(len(first), len(second)) - 1
    common = 0
    while common < longest and first[common] == second[common]:
        common += 1
    if common < 1:
        raise BadRow(
            "the two conversations do not begin with the same message followed by an answer, so there is no prompt"
        )
    return first[:common], first[common:], second[common:]


def split_texts(first: str, second: str) -> tuple[str, str, str]:
    """Two texts as their longest common beginning, up to a word's boundary, and two continuations.

    White space at the boundary goes to the continuations, as in TRL's implicit rows.
    """
    common = _common_length(first, second)
    if not (_boundary(first, common) and _boundary(second, common)):
        common = max((place for place in range(common) if first[place].isspace()), default=0)
    common = len(first[:common].rstrip())
    return first[:common], first[common:], second[common:]


def _common_length(first: str, second: str) -> int:
    """Length of the longest common beginning, by halving: comparing slices is what CPython does fast."""
    low, high = 0, min(len(first), len(second))
    while low < high:
        middle = (low + high + 1) // 2
        if first[low:middle] == second[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low


def _boundary(text: str, place: int) -> bool:
    return place == len(text) or text[place].isspace() or (place > 0 and text[place - 1].isspace())


def _called(value: Json) -> str:
    names = {dict: "an object", list: "a list", bool: "a boolean", str: "a text", type(None): "null"}
    return names.get(type(value), "a number")
