"""One response and what was said of it: ratings by attribute, a mark for each step, a critique."""

from labeling.formats.details import read_details
from labeling.formats.helpsteer2 import read_prompt, write_prompt
from labeling.formats.rows import BadRow, Format, Message, ReadResponse, ReadRow, Row
from labeling.formats.texts import assistant_says, read_turns, write_turns

COLUMNS = ("helpfulness", "correctness", "coherence", "complexity", "verbosity")  # HelpSteer2's


def matches(row: Row) -> bool:
    """A row with a prompt and one response."""
    return "prompt" in row and "response" in row


def read(row: Row) -> ReadRow:
    """Read a row. Columns with HelpSteer2's names are ratings where the row has no `ratings` of its own."""
    warnings: list[str] = []
    prompt, asked = read_prompt(row, warnings)
    answer, answered = read_turns(row["response"], "response", warnings, assistant_says)
    response = ReadResponse(answer)
    faults: list[str] = []
    details = read_details(_listed(row), [response], faults)
    if not details:
        raise BadRow(
            "nothing is said of the response: write ratings (an object of numbers), steps (a mark for each line that "
            f"is not blank), critique (a text) or columns such as {COLUMNS[0]}" + "".join(f"; {f}" for f in faults)
        )
    return ReadRow(
        prompt,
        [response],
        kind="assessment",
        details=details,
        shape={"prompt": asked, "response": answered},
        used=("prompt", "response"),
        warnings=warnings + faults,
    )


def _listed(row: Row) -> Row:
    """What the row says of its response as lists of one."""
    ratings = row.get("ratings")
    if ratings is None:
        ratings = {name: row[name] for name in COLUMNS if row.get(name) is not None}
    said = {"ratings": ratings, "steps": row.get("steps"), "critiques": row.get("critique")}
    return {name: [value] for name, value in said.items()}


def write(prompt: list[Message], responses: list[ReadResponse], shape: Row) -> Row:
    """The row's texts; what was said of the response is kept with the other fields."""
    return {
        "prompt": write_prompt(prompt, shape["prompt"]),
        "response": write_turns(responses[0].messages, shape["response"]),
    }


RATED = Format(
    "rated",
    "prompt, response, and ratings (numbers by attribute), helpfulness … verbosity, steps or critique",
    matches,
    read,
    write,
)
