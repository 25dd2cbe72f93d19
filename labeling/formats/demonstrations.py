"""TRL's prompt-completion rows: a response that shows how to answer."""

from labeling.formats.rows import BadRow, Format, Message, ReadResponse, ReadRow, Row
from labeling.formats.texts import assistant_says, read_turns, user_says, write_turns


def matches(row: Row) -> bool:
    """A row with a prompt and its completion, of which nothing was found."""
    return "prompt" in row and "completion" in row and row.get("label") is None


def read(row: Row) -> ReadRow:
    """Read a row of texts or of messages."""
    found = read_completion(row)
    if not any(message["content"].strip() for message in found.responses[0].messages):
        raise BadRow("completion is empty")
    return found


def read_completion(row: Row) -> ReadRow:
    """A row's prompt and its completion, which may be an empty text."""
    warnings: list[str] = []
    prompt, asked = read_turns(row["prompt"], "prompt", warnings, user_says)
    shown, answered = read_turns(row["completion"], "completion", warnings, assistant_says)
    return ReadRow(
        prompt,
        [ReadResponse(shown)],
        kind="demonstration",
        shape={"prompt": asked, "completion": answered},
        used=("prompt", "completion"),
        warnings=warnings,
    )


def write(prompt: list[Message], responses: list[ReadResponse], shape: Row) -> Row:
    """The row's texts or messages."""
    return {
        "prompt": write_turns(prompt, shape["prompt"]),
        "completion": write_turns(responses[0].messages, shape["completion"]),
    }


DEMONSTRATIONS = Format(
    "demonstrations", "prompt and completion: how to answer; texts or messages, no label", matches, read, write
)
