"""Rows with several annotators: an instruction, two responses and one label for each annotator."""

import re

from labeling.formats.details import tell
from labeling.formats.rows import (
    BETTER,
    SAME,
    WORSE,
    BadRow,
    Format,
    Json,
    Message,
    ReadJudgment,
    ReadResponse,
    ReadRow,
    Row,
)
from labeling.formats.texts import assistant_says, read_text, user_says

ANNOTATOR = re.compile(r"annotator_?\d+")
ANSWERS = {0: SAME, 1: BETTER, 2: WORSE}
GAP = "\n\n"


def matches(row: Row) -> bool:
    """A row with an instruction and two numbered responses."""
    return "instruction" in row and "response1" in row and "response2" in row


def read(row: Row) -> ReadRow:
    """Read a row: 0 is a tie, 1 and 2 name the better response. The input stands below the instruction."""
    warnings: list[str] = []
    instruction = read_text(row["instruction"], "instruction", warnings)
    given = read_text(row["input"], "input", warnings) if row.get("input") is not None else ""
    prompt = user_says(instruction + GAP + given if given else instruction)
    responses = [ReadResponse(assistant_says(read_text(row[key], key, warnings))) for key in ("response1", "response2")]
    judgments = [
        ReadJudgment(key, _answer(key, value))
        for key, value in row.items()
        if ANNOTATOR.fullmatch(key) and value is not None
    ]
    if not judgments:
        raise BadRow("no annotator has a label: expected annotator1, annotator2, … with 0 (tie), 1 or 2")
    used = ("instruction", "input", "response1", "response2")
    shape = {"instruction": len(instruction)}
    return tell(ReadRow(prompt, responses, judgments, shape=shape, used=used, warnings=warnings), row)


def _answer(key: str, value: Json) -> int:
    if type(value) is not int or value not in ANSWERS:
        raise BadRow(f"{key} is {value!r}; write 0 (tie), 1 or 2 (the better response)")
    return ANSWERS[value]


def write(prompt: list[Message], responses: list[ReadResponse], shape: Row) -> Row:
    """The row's texts; its labels are kept with its other fields."""
    text, cut = prompt[0]["content"], shape["instruction"]
    return {
        "instruction": text[:cut],
        "input": text[cut + len(GAP) :],
        "response1": responses[0].messages[0]["content"],
        "response2": responses[1].messages[0]["content"],
    }


ANNOTATORS = Format(
    "annotators",
    "instruction, input, response1, response2, annotator1 … with 0 (tie), 1 or 2",
    matches,
    read,
    write,
)
