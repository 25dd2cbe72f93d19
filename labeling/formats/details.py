"""What a row tells beside a verdict, or of one response: a criterion, and ratings, steps and critiques by response.

Other people's files use these names for other things: what has another shape is left where it is, with a warning.
"""

import math
from collections.abc import Callable

from labeling.formats.rows import Json, ReadResponse, ReadRow, Row

MAX_CRITERION = 200


class _OtherShape(ValueError):
    """A field that is not what its name says here; the message says what was expected."""


def tell(read: ReadRow, raw: Row) -> ReadRow:
    """Fill in what the row tells beside its verdict."""
    if not _FIELDS.isdisjoint(raw):  # most rows tell nothing more
        read.criterion = read_criterion(raw.get("criterion"), read.warnings)
        read.details = read_details(raw, read.responses, read.warnings)
    return read


def read_details(raw: Row, responses: list[ReadResponse], warnings: list[str]) -> Row:
    """Ratings, steps and critiques, each a list with an entry for each response; absent where nobody said any."""
    details: Row = {}
    for name, read_entry in _ENTRIES.items():
        value = raw.get(name)
        if value is None:
            continue
        try:
            entries = _entries(name, value, responses, read_entry)
        except _OtherShape as other:
            warnings.append(f"{name} is not read: {other}")
            continue
        if any(entries):
            details[name] = entries
    return details


def read_number(value: Json) -> float | None:
    """A finite number; None for anything else, true and false too."""
    if type(value) not in (int, float):
        return None
    try:
        number = float(value)
    except OverflowError:  # a whole number beyond the range of a double
        return None
    return number if math.isfinite(number) else None


def lines_of(text: str) -> list[str]:
    """The lines of a text that are not blank: its steps."""
    return [line for line in text.split("\n") if line.strip()]


def read_mark(value: Json) -> float | None:
    """How right a step is: true, false, or a number from 0 to 1; None for anything else."""
    if isinstance(value, bool):
        return float(value)
    number = read_number(value)
    return number if number is not None and 0 <= number <= 1 else None


def read_criterion(value: Json, warnings: list[str]) -> str:
    """By which standard a verdict was given; empty where nobody said."""
    if value is None:
        return ""
    if isinstance(value, str) and len(value.strip()) <= MAX_CRITERION:
        return value.strip()
    warnings.append(f"criterion is not read: it would be a text of at most {MAX_CRITERION} characters")
    return ""


_ReadEntry = Callable[[str, Json, ReadResponse], Json]


def _entries(name: str, value: Json, responses: list[ReadResponse], read_entry: _ReadEntry) -> list[Json]:
    if not isinstance(value, list) or len(value) != len(responses):
        raise _OtherShape(f"it would be a list of {len(responses)}, {_EXPECTED[name]} for each response")
    places = zip(value, responses, strict=True)
    return [read_entry(f"{name}[{n}]", entry, response) for n, (entry, response) in enumerate(places)]


def _ratings(where: str, value: Json, response: ReadResponse) -> dict[str, float]:
    """Numbers by attribute; an attribute that is null has none."""
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise _OtherShape(f"{where} would be an object of numbers by attribute")
    ratings: dict[str, float] = {}
    for attribute, given in value.items():
        number = read_number(given)
        if number is not None:
            ratings[attribute] = number
        elif given is not None:
            raise _OtherShape(f"{where}.{attribute} would be a number")
    return ratings


def _steps(where: str, value: Json, response: ReadResponse) -> list[float]:
    if value is None or value == []:
        return []
    marks = [read_mark(entry) for entry in value] if isinstance(value, list) else [None]
    found = [mark for mark in marks if mark is not None]
    if len(found) < len(marks):
        raise _OtherShape(f"{where} would be a list of marks: true, false, or numbers from 0 to 1")
    if len(response.messages) != 1:
        raise _OtherShape(f"{where} marks a response of {len(response.messages)} messages; steps are lines of one")
    lines = len(lines_of(response.messages[0]["content"]))
    if lines != len(found):
        raise _OtherShape(f"{where} holds {len(found)} marks for {lines} lines that are not blank")
    return found


def _critique(where: str, value: Json, response: ReadResponse) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        raise _OtherShape(f"{where} would be a text")
    return value


_ENTRIES: dict[str, _ReadEntry] = {"ratings": _ratings, "steps": _steps, "critiques": _critique}
_EXPECTED = {"ratings": "an object of numbers", "steps": "a list of marks", "critiques": "a text"}
_FIELDS = frozenset(("criterion", *_ENTRIES))
