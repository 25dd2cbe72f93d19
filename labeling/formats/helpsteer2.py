"""Preference rows of HelpSteer2 (Wang et al., 2024, arXiv 2410.01257): two responses, and how much better one is."""

import re

from labeling.formats.details import tell
from labeling.formats.rows import SAME, BadRow, Format, Json, Message, ReadJudgment, ReadResponse, ReadRow, Row
from labeling.formats.texts import read_turns, write_turns

TURN = re.compile(r"\n?<extra_id_(0>System|1>User|1>Assistant)\n?")
MOST = 3  # the greatest strength, for either side


def matches(row: Row) -> bool:
    """A row with a prompt and two numbered responses."""
    return "prompt" in row and "response_1" in row and "response_2" in row


def read(row: Row) -> ReadRow:
    """Read a row. Its strength is negative where the first response is better, and stands on our bar as it is."""
    warnings: list[str] = []
    prompt, asked = read_marked(row, "prompt", "user", warnings)
    first, one = read_marked(row, "response_1", "assistant", warnings)
    second, other = read_marked(row, "response_2", "assistant", warnings)
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


def read_marked(row: Row, key: str, role: str, warnings: list[str]) -> tuple[list[Message], str]:
    """Turns and how they were written: a text of `role`, messages, or a text of several turns with marks between."""
    turns, style = read_turns(row[key], key, warnings, lambda text: [{"role": role, "content": text}])
    if style == "text" and "<extra_id_" in turns[0]["content"]:
        head, *parts = TURN.split(turns[0]["content"])
        said = zip(parts[::2], parts[1::2], strict=True)
        marked = [{"role": mark[2:].lower(), "content": content} for mark, content in said]
        if marked:
            return ([{"role": role, "content": head}] if head else []) + marked, "turns"
    return turns, style


def write_marked(turns: list[Message], role: str, style: str) -> Json:
    """Turns as they were written. The first has no mark where it is `role`'s."""
    if style != "turns":
        return write_turns(turns, style)
    marks = [f"\n<extra_id_{int(turn['role'] != 'system')}>{turn['role'].capitalize()}\n" for turn in turns]
    marks[0] = "" if turns[0]["role"] == role else marks[0].removeprefix("\n")
    return "".join(mark + turn["content"] for mark, turn in zip(marks, turns, strict=True))


def write(prompt: list[Message], responses: list[ReadResponse], shape: Row) -> Row:
    """The row's texts; its strength and statement are kept with its other fields."""
    one, other = (response.messages for response in responses)
    return {
        "prompt": write_marked(prompt, "user", shape["prompt"]),
        "response_1": write_marked(one, "assistant", shape["response_1"]),
        "response_2": write_marked(other, "assistant", shape["response_2"]),
    }


HELPSTEER2 = Format(
    "helpsteer2",
    "prompt, response_1, response_2, preference_strength from -3 (the first is much better) to 3",
    matches,
    read,
    write,
)
