"""TRL's unpaired rows: one response that was found good or bad."""

from dataclasses import replace

from labeling.formats import demonstrations
from labeling.formats.details import read_mark
from labeling.formats.rows import BadRow, Format, ReadRow, Row

LABEL = "label"  # the rating by which the label is known


def matches(row: Row) -> bool:
    """A row with a prompt, its completion and what was found of that."""
    return "prompt" in row and "completion" in row and row.get("label") is not None


def read(row: Row) -> ReadRow:
    """Read a row of texts or of messages; its label is true, false, or how likely it is found good (0 to 1)."""
    good = read_mark(row["label"])
    if good is None:
        raise BadRow(f"label is {row['label']!r}; write true, false, or a number from 0 to 1")
    return replace(demonstrations.read_completion(row), kind="assessment", details={"ratings": [{LABEL: good}]})


UNPAIRED = Format(
    "kto", "prompt, completion and label (true or false); texts or messages", matches, read, demonstrations.write
)
