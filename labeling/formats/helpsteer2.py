"""Preference rows of HelpSteer2 (Wang et al., 2024, arXiv 2410.01257): two responses, and how much better one is."""

import re

from labeling.formats.details import tell
from labeling.formats.rows import SAME, BadRow, Format, Json, Message, ReadJudgment, ReadResponse, ReadRow, Row
from labeling.formats.texts import assistant_says, read_turns, user_says, write_turns

TURN = re.compile(r"\n?<extra_id_1>(User|Assistant)\n?")
NAMES = {"user": "User", "assistant": "Assistant"}
MOST = 3  # the greatest strength, for either side


def matches(row: Row) -> bool:
    """A row with a prompt and two numbered responses."""
    return "prompt" in row and "response_1" in row and "response_2" in row


def read(row: Row) -> ReadRow:
    """Read a row. Its strength is negative where the first response is better, and stands on our bar as it is."""
    warnings: list[str] = []
    prompt, asked = read_prompt(row, warnings)
    first, one = read_turns(row["response_1"], "response_1", warnings, assistant_says)
    second, other = read_turns(row["response_2"], "response_2", warnings, assistant_says)
    judgment = ReadJudgment("", SAME + _strength(row.get("preference_strength")))
    statement = row.get("preference_statement")
    if isinstance(statement, str):
        judgment.reason = statement
    elif statement is not None:
        warnings.append("preference_statement is not read: it would be a text")
    made = ReadRow(
        prompt,
        [ReadResponse(first), ReadResponse(second)],
        [judgment],
        shape={"prompt": asked, "response_1": one, "response_2": other},
        used=("prompt", "response_1", "response_2"),
        warnings=warnings,
    )
    return tell(made, row)


def _strength(value: Json) -> int:
    whole = type(value) is int or (isinstance(value, float) and value.is_integer())
    if not whole or abs(value) > MOST:
        raise BadRow(
            f"preference_strength is {value!r}; write a whole number from -3 (response_1 is much better) "
            "over 0 to 3 (response_2 is much better)"
        )
    return int(value)


def read_prompt(row: Row, warnings: list[str]) -> tuple[list[Message], str]:
    """The row's prompt and how it was written: a text, messages, or a text of several turns with marks between."""
    prompt, style = read_turns(row["prompt"], "prompt", warnings, user_says)
    if style == "text" and TURN.search(prompt[0]["content"]):
        return _cut(prompt[0]["content"]), "turns"
    return prompt, style


def _cut(text: str) -> list[Message]:
    """The turns of a text, of which the first is the user's and has no mark."""
    head, *parts = TURN.split(text)
    said = zip(parts[::2], parts[1::2], strict=True)
    turns = [{"role": name.lower(), "content": content} for name, content in said]
    return user_says(head) + turns if head else turns


def write_prompt(prompt: list[Message], style: str) -> Json:
    """The prompt as it was written."""
    if style != "turns":
        return write_turns(prompt, style)
    first, *rest = prompt
    return first["content"] + "".join(f"\n<extra_id_1>{NAMES[turn['role']]}\n{turn['content']}" for turn in rest)


def write(prompt: list[Message], responses: list[ReadResponse], shape: Row) -> Row:
    """The row's texts; its strength and statement are kept with its other fields."""
    one, other = (response.messages for response in responses)
    return {
        "prompt": write_prompt(prompt, shape["prompt"]),
        "response_1": write_turns(one, shape["response_1"]),
        "response_2": write_turns(other, shape["response_2"]),
    }


HELPSTEER2 = Format(
    "helpsteer2",
    "prompt, response_1, response_2, preference_strength from -3 (the first is much better) to 3",
    matches,
    read,
    write,
)
