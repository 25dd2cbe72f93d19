"""From a line of a file to a row with its identity and what is needed to give it back field by field."""

import hashlib
import json
import math
import re
from dataclasses import dataclass
from typing import NoReturn

from labeling.formats.annotators import ANNOTATORS
from labeling.formats.demonstrations import DEMONSTRATIONS
from labeling.formats.heed import HEED
from labeling.formats.helpsteer2 import HELPSTEER2
from labeling.formats.hh import HH
from labeling.formats.prompts import PROMPTS
from labeling.formats.rated import RATED
from labeling.formats.rows import BadRow, Format, Json, Message, ReadResponse, ReadRow, Row
from labeling.formats.stepwise import STEPWISE
from labeling.formats.trl import TRL
from labeling.formats.unpaired import UNPAIRED

# The first that matches reads a row.
FORMATS = {
    known.name: known
    for known in (HEED, ANNOTATORS, HH, TRL, HELPSTEER2, STEPWISE, RATED, UNPAIRED, DEMONSTRATIONS, PROMPTS)
}
ID_FIELDS = ("id", "idx")
MAX_DEPTH = 200
HALF_PAIR = re.compile(rb"\\u[dD][89a-fA-F]")
EXPONENT = re.compile(r"\d[eE][-+]?\d|-0(?![.\d])|-0\.0+(?!\d)")


@dataclass(slots=True)
class Parsed:
    """A row ready to be stored.

    `content` is the sha256 of the row's canonical JSON; `own_id` is its own id as JSON text, None where it has none;
    `extra` is the JSON text that `give_back` needs besides the stored texts.
    """

    row: ReadRow
    format: str
    content: str
    own_id: str | None
    extra: Row


def parse_line(line: bytes, *, only: Format | None = None, id_fields: tuple[str, ...] = ID_FIELDS) -> Parsed:
    """Read one line. Raises BadRow, in words, where it is not a JSON object of a known format."""
    raw = _load(line)
    known = only or detect(raw)
    if only is not None and not only.matches(raw):
        raise BadRow(f"not a row of the format {only.name!r} ({only.about}); its fields are {', '.join(raw)[:200]}")
    row = known.read(raw)
    content = hashlib.sha256(canonical(raw)).hexdigest()
    return Parsed(row, known.name, content, _own_id(raw, id_fields), _extra(raw, row, known))


def detect(raw: Row) -> Format:
    """The format of a row, by its fields."""
    for known in FORMATS.values():
        if known.matches(raw):
            return known
    raise BadRow(
        f"no format has the fields {', '.join(raw)[:200] or '(none)'}; known are "
        + "; ".join(f"{known.name}: {known.about}" for known in FORMATS.values())
    )


def give_back(prompt: list[Message], responses: list[ReadResponse], extra: Row) -> Row:
    """The row as it came in: its texts from what is stored, everything else from `extra`, in its own order."""
    row = FORMATS[extra["format"]].write(prompt, responses, extra["shape"])
    row.update(extra["fields"])
    if "verbatim" in extra:
        row.update(json.loads(extra["verbatim"]))
    return {key: row[key] for key in extra["keys"]}


def canonical(value: Json) -> bytes:
    """The canonical JSON of a value: sorted keys, no spaces, UTF-8."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def _load(line: bytes) -> Row:
    if b"\x00" in line:
        raise BadRow("the line holds a NUL byte; is this a text file?")
    if line.count(b"[") + line.count(b"{") > MAX_DEPTH and _depth(line) > MAX_DEPTH:
        raise BadRow(f"nested deeper than {MAX_DEPTH} levels")
    try:
        raw = json.loads(line.decode(), parse_constant=_no_constant)
    except UnicodeDecodeError as error:
        raise BadRow(f"not UTF-8 at byte {error.start + 1} of the line") from error
    except json.JSONDecodeError as error:
        raise BadRow(f"not JSON: {error.msg} at column {error.colno}") from error
    except ValueError as error:  # a whole number of thousands of digits
        raise BadRow(f"not usable JSON: {error}") from error
    if not isinstance(raw, dict):
        raise BadRow("a row must be a JSON object with named fields")
    if b"\\u0000" in line or HALF_PAIR.search(line):
        _check_characters(raw)
    return raw


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _check_characters(value: Json) -> None:
    text = json.dumps(value, ensure_ascii=False)
    if "\\u0000" in text and "\x00" in "".join(_strings(value)):
        raise BadRow("a text holds the character U+0000, which PostgreSQL cannot store")
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise BadRow("a text holds half of a surrogate pair, which is no character") from error


def _strings(value: Json) -> list[str]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, dict):
        return [text for pair in value.items() for part in pair for text in _strings(part)]
    return [text for part in value for text in _strings(part)] if isinstance(value, list) else []


def _depth(line: bytes) -> int:
    """How deep brackets nest outside of texts."""
    deepest = depth = 0
    for mark in re.findall(rb'"(?:[^"\\]|\\.)*"|[\[{]|[\]}]', line):
        if mark in b"[{":
            depth += 1
            deepest = max(deepest, depth)
        elif mark in b"]}":
            depth -= 1
    return deepest


def _own_id(raw: Row, id_fields: tuple[str, ...]) -> str | None:
    for key in id_fields:
        if type(raw.get(key)) in (str, int) and raw[key] != "":
            return json.dumps([key, raw[key]])
    return None


def _extra(raw: Row, row: ReadRow, known: Format) -> Row:
    """The row's shape, and every field that the stored texts cannot give back, checked by giving it back."""
    try:
        rebuilt = known.write(row.prompt, row.responses, row.shape)
    except (KeyError, IndexError):
        rebuilt = {}
    fields: Row = {}
    verbatim: Row = {}
    for key, value in raw.items():
        if key in row.used and key in rebuilt and _same(value, rebuilt[key]):
            continue
        (verbatim if key in row.used or not _survives(value) else fields)[key] = value
    extra: Row = {"format": known.name, "keys": list(raw), "shape": row.shape, "fields": fields}
    if verbatim:
        extra["verbatim"] = json.dumps(verbatim, ensure_ascii=False)
    return extra


def _same(value: Json, other: Json) -> bool:
    """Equal, and of the same types all the way down: 1, 1.0 and true are three things in a file."""
    if isinstance(value, str) or isinstance(other, str):
        return value == other and isinstance(value, str) and isinstance(other, str)
    return value == other and canonical(value) == canonical(other)


def _survives(value: Json) -> bool:
    """Whether a value comes back from a jsonb column as it was: numbers with an exponent and -0.0 do not.

    Raises BadRow for a number beyond the range of a double, which Python reads as infinite.
    """
    if value is None or isinstance(value, str | bool):
        return True
    if isinstance(value, float) and math.isfinite(value):
        return "e" not in repr(value) and repr(value) != "-0.0"
    try:
        text = json.dumps(value, allow_nan=False)
    except ValueError as error:
        raise BadRow("a number is too large") from error
    return EXPONENT.search(text) is None
