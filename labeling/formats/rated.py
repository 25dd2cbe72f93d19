"""One response and what was said of it: ratings by attribute, a mark for each step, a critique."""

from labeling.formats.details import read_details
from labeling.formats.helpsteer2 import read_marked, write_marked
from labeling.formats.rows import BadRow, Format, Message, ReadResponse, ReadRow, Row

COLUMNS = ("helpfulness", "correctness", "coherence", "complexity", "verbosity")  # HelpSteer2's


def matches(row: Row) -> bool:
    """A row with a prompt and one response."""
    return "prompt" in row and "response" in row


def read(row: Row) -> ReadRow:
    """Read a row. Columns with HelpSteer2's names are ratings where the row has no `ratings` of its own."""
    warnings: list[str] = []
    prompt, asked = read_marked(row, "prompt", "user", warnings)
    answer, answered = read_marked(row, "response", "assistant", warnings)
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
        "prompt": write_marked(prompt, "user", shape["prompt"]),
        "response": write_marked(responses[0].messages, "assistant", shape["response"]),
    }


RATED = Format(
    "rated",
    "prompt, response, and ratings (numbers by attribute), helpfulness … verbosity, steps or critique",
    matches,
    read,
    write,
)
