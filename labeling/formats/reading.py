"""Files as streams of lines: plain or gzip, bounded in every direction."""

import gzip
import io
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

GZIP = b"\x1f\x8b"
BYTE_ORDER_MARK = b"\xef\xbb\xbf"
MIB = 2**20


class BadFile(ValueError):
    """A file that cannot be read at all, or is larger than allowed; the message says what to do."""


@dataclass(frozen=True)
class Limits:
    """Bounds in bytes: of the text once decompressed, and of one line."""

    text: int = 4096 * MIB
    line: int = 16 * MIB


@dataclass(frozen=True, slots=True)
class Line:
    """A line with its number, counted from 1, and how far into the file on disk reading has come."""

    number: int
    text: bytes
    bytes_done: int


def read_lines(path: Path, limits: Limits) -> Iterator[Line]:
    """The lines of a JSONL file, plain or gzip whatever its name, without blank ones.

    Raises BadFile for a broken archive, a text over the limit (a gzip bomb stops here), or a file that is not lines.
    """
    with path.open("rb") as raw:
        packed = raw.read(2) == GZIP
        raw.seek(0)
        stream: IO[bytes] = gzip.GzipFile(fileobj=raw) if packed else raw  # type: ignore[assignment]
        read = 0
        for number, text in enumerate(_bounded_lines(stream, limits), start=1):
            read += len(text)
            if read > limits.text:
                raise BadFile(f"more than {limits.text:,} bytes of text: split the file, or raise the limit")
            if number == 1:
                text = text.removeprefix(BYTE_ORDER_MARK)
                _refuse_other_formats(text)
            if text := text.strip():
                yield Line(number, text, raw.tell() if packed else read)


def _bounded_lines(stream: IO[bytes], limits: Limits) -> Iterator[bytes]:
    buffered = io.BufferedReader(stream, MIB) if isinstance(stream, gzip.GzipFile) else stream
    try:
        while line := buffered.readline(limits.line + 1):
            if len(line) > limits.line:
                raise BadFile(f"a line is longer than {limits.line:,} bytes: is there one JSON object on each line?")
            yield line
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise BadFile(f"the gzip archive is broken or cut off: {error}") from error


def _refuse_other_formats(start: bytes) -> None:
    if start.startswith(b"PAR1"):
        raise BadFile("this is a Parquet file: write it as JSONL, one JSON object on each line")
    if start.startswith(b"PK\x03\x04"):
        raise BadFile("this is a zip archive: unpack it, or compress the JSONL file with gzip")
    if start.lstrip().startswith(b"["):
        raise BadFile("this is a JSON array: write one JSON object on each line (jq -c '.[]' file.json > file.jsonl)")
