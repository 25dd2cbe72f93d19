"""TRL's stepwise rows: a prompt, the steps of one response, and whether each is right."""

from labeling.formats.details import lines_of, read_mark
from labeling.formats.rows import BadRow, Format, Message, ReadResponse, ReadRow, Row
from labeling.formats.texts import assistant_says, read_text, read_turns, user_says, write_turns


def matches(row: Row) -> bool:
    """A row with a prompt, completions and labels."""
    return "prompt" in row and "completions" in row and "labels" in row


def read(row: Row) -> ReadRow:
    """Read a row. Its completions are one response's; each line of a completion has that completion's mark."""
    warnings: list[str] = []
    prompt, asked = read_turns(row["prompt"], "prompt", warnings, user_says)
    completions, labels = row["completions"], row["labels"]
    if not isinstance(completions, list) or not isinstance(labels, list) or len(completions) != len(labels):
        raise BadRow("completions and labels must be two lists of the same length")
    texts = [read_text(text, f"completions[{n}]", warnings) for n, text in enumerate(completions)]
    steps: list[float] = []
    for number, (text, label) in enumerate(zip(texts, labels, strict=True)):
        mark = read_mark(label)
        if mark is None:
            raise BadRow(f"labels[{number}] is {label!r}; write true, false, or a number from 0 to 1")
        steps += [mark] * len(lines_of(text))
    if not steps:
        raise BadRow("completions hold no step: each is blank, or there is none")
    return ReadRow(
        prompt,
        [ReadResponse(assistant_says("\n".join(texts)))],
        kind="assessment",
        details={"steps": [steps]},
        shape={"prompt": asked, "lengths": [len(text) for text in texts]},
        used=("prompt", "completions"),
        warnings=warnings,
    )


def write(prompt: list[Message], responses: list[ReadResponse], shape: Row) -> Row:
    """The row's texts, cut where they were joined; its labels are kept with its other fields."""
    text, place = responses[0].messages[0]["content"], 0
    completions: list[str] = []
    for length in shape["lengths"]:
        completions.append(text[place : place + length])
        place += length + 1
    return {"prompt": write_turns(prompt, shape["prompt"]), "completions": completions}


STEPWISE = Format("stepwise", "prompt, completions (texts), labels (true, false or 0 to 1)", matches, read, write)
