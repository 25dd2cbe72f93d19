"""Prompts by themselves: a text or a conversation that waits for an answer, with tags."""

from labeling.formats.rows import BadRow, Format, Message, ReadResponse, ReadRow, Row
from labeling.formats.texts import read_messages, read_text, user_says

ANSWERED = (
    *("chosen", "rejected", "response", "completion", "completions"),
    *("response1", "response_1", "response_2", "responses"),
)
MAX_TAG = 64


def matches(row: Row) -> bool:
    """A row with a prompt or messages and no answer to it."""
    return ("prompt" in row or "messages" in row) and not any(key in row for key in ANSWERED)


def read(row: Row) -> ReadRow:
    """Read a prompt; `prompt` is a text or messages."""
    warnings: list[str] = []
    key = "prompt" if "prompt" in row else "messages"
    if isinstance(row[key], list):
        prompt, style = read_messages(row[key], key, warnings), "messages"
    elif key == "messages":
        raise BadRow("messages must be a list of messages; a text is written as 'prompt'")
    else:
        prompt, style = user_says(read_text(row[key], key, warnings)), "text"
    if not prompt or prompt[-1]["role"] == "assistant":
        raise BadRow(
            f"{key} must end with a message that waits for an answer, not with the assistant's; "
            "a demonstration is written as prompt and completion"
        )
    if not any(message["content"].strip() for message in prompt):
        raise BadRow(f"{key} is empty")
    return ReadRow(
        prompt,
        tags=read_tags(row),
        difficulty=_difficulty(row),
        shape={"key": key, "style": style},
        used=(key,),
        warnings=warnings,
    )


def read_tags(row: Row) -> list[str]:
    """The row's tags; null is none. Raises BadRow."""
    tags = row.get("tags")
    if tags is None:
        return []
    if not isinstance(tags, list) or not all(isinstance(tag, str) and 0 < len(tag) <= MAX_TAG for tag in tags):
        raise BadRow(f"tags must be a list of texts of 1 to {MAX_TAG} characters")
    return tags


def _difficulty(row: Row) -> float | None:
    value = row.get("difficulty")
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise BadRow("difficulty must be a number")
    return float(value)


def write(prompt: list[Message], responses: list[ReadResponse], shape: Row) -> Row:
    """The prompt under its own key; tags and difficulty are kept with the other fields."""
    return {shape["key"]: prompt if shape["style"] == "messages" else prompt[0]["content"]}


PROMPTS = Format("prompts", "prompt (text or messages) or messages, with tags and difficulty", matches, read, write)
