"""Rows into files: JSON Lines, gzip or not, and Parquet. However many rows there are, memory stays flat."""

import gzip
import hashlib
import io
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import IO, Protocol

import pyarrow as pa
import pyarrow.json
import pyarrow.parquet

BUFFER = 2**20
ROW_GROUP_BYTES, ROW_GROUP_ROWS = 2**24, 50_000  # of JSON; whatever is reached first ends a row group

MESSAGES = pa.list_(pa.struct([("role", pa.string()), ("content", pa.string())]))
TIME = pa.timestamp("us", tz="UTC")


class Sink(Protocol):
    """Takes rows as JSON texts without a line's end."""

    def write(self, row: bytes) -> None:
        """Take one row."""

    def close(self) -> None:
        """Finish the file. Without it the file is not whole."""


class HashedFile(io.RawIOBase):
    """A file that knows its size and sha256 while it is written."""

    def __init__(self, path: Path) -> None:
        self.file = path.open("wb", buffering=BUFFER)
        self.sha256 = hashlib.sha256()
        self.size = 0

    def writable(self) -> bool:
        """It is."""
        return True

    def write(self, data: object) -> int:
        """Write and count."""
        view = memoryview(data)  # type: ignore[arg-type]
        self.sha256.update(view)
        self.size += view.nbytes
        return self.file.write(view)

    def tell(self) -> int:
        """Where writing has come to; Parquet asks for it."""
        return self.size

    def close(self) -> None:
        """Close the file below."""
        self.file.close()
        super().close()


class LinesSink:
    """JSON Lines. The same rows give the same bytes, packed or not: the archive holds no time and no name.

    A thread writes one block while the next is gathered: hashing, packing and the disk let others work meanwhile.
    """

    def __init__(self, file: HashedFile, *, packed: bool) -> None:
        archive = gzip.GzipFile(filename="", mode="wb", compresslevel=4, fileobj=file, mtime=0) if packed else None
        self.archive = archive
        self.file: IO[bytes] = archive or file  # type: ignore[assignment]
        self.waiting: list[bytes] = []
        self.size = 0
        self.thread = ThreadPoolExecutor(1, thread_name_prefix="export")
        self.written: Future[int] | None = None

    def write(self, row: bytes) -> None:
        """Take one row. Raises what went wrong with a block before."""
        self.waiting.append(row)
        self.size += len(row)
        if self.size > BUFFER:
            self._flush()

    def _flush(self) -> None:
        if self.waiting:
            block = b"\n".join(self.waiting) + b"\n"
            self.waiting.clear()
            self.size = 0
            self._wait()
            self.written = self.thread.submit(self.file.write, block)

    def _wait(self) -> None:
        if self.written is not None:
            written, self.written = self.written, None
            written.result()

    def close(self) -> None:
        """Finish the file."""
        try:
            self._flush()
            self._wait()
        finally:
            self.thread.shutdown()
            if self.archive is not None:
                self.archive.close()


class ParquetSink:
    """Parquet, one row group at a time."""

    def __init__(self, file: HashedFile, schema: pa.Schema) -> None:
        self.schema = schema
        self.writer = pyarrow.parquet.ParquetWriter(file, schema, compression="zstd")
        self.waiting: list[bytes] = []
        self.size = 0

    def write(self, row: bytes) -> None:
        """Take one row."""
        self.waiting.append(row)
        self.size += len(row) + 1
        if self.size > ROW_GROUP_BYTES or len(self.waiting) >= ROW_GROUP_ROWS:
            self._flush()

    def _flush(self) -> None:
        if not self.waiting:
            return
        text = b"\n".join(self.waiting)
        table = pyarrow.json.read_json(
            pa.BufferReader(text),
            # A row may not lie across two blocks, so everything is one.
            read_options=pyarrow.json.ReadOptions(use_threads=False, block_size=len(text) + 1),
            parse_options=pyarrow.json.ParseOptions(explicit_schema=self.schema, unexpected_field_behavior="error"),
        )
        self.writer.write_table(table.select(self.schema.names))
        self.waiting.clear()
        self.size = 0

    def close(self) -> None:
        """Finish the file with its footer."""
        try:
            self._flush()
        finally:
            self.writer.close()


def pair_schema(*, format: str, conversational: bool, implicit: bool, columns: bool, margin: bool) -> pa.Schema:
    """The columns of TRL's rows (`trl`, `kto`) and of HelpSteer2's, which are texts in any case."""
    texts = MESSAGES if conversational else pa.string()
    if format == "helpsteer2":
        fields = [(key, pa.string()) for key in ("prompt", "response_1", "response_2")]
        fields += [("preference_strength", pa.int64()), ("preference_statement", pa.string())]
    elif format == "kto":
        fields = [("prompt", texts), ("completion", texts), ("label", pa.bool_())]
    else:
        fields = [(key, texts) for key in (("chosen", "rejected") if implicit else ("prompt", "chosen", "rejected"))]
    if columns:
        fields += [("strength", pa.float64()), ("n_for", pa.int64()), ("n_against", pa.int64())]
        fields += [(key, pa.string()) for key in ("split", "arm", "origin", "criterion")]
    if margin:
        fields.append(("margin", pa.float64()))
    return pa.schema(fields)


PROMPT_SCHEMA = pa.schema(
    [
        ("messages", MESSAGES),
        ("tags", pa.list_(pa.string())),
        ("difficulty", pa.float64()),
        ("split", pa.string()),
        ("origin", pa.string()),
    ]
)

# Values of any shape (`details`, `extra`, `sampler`) are JSON texts here, because a column has one type.
FULL_SCHEMA = pa.schema(
    [
        ("heed", pa.int64()),
        *((key, pa.string()) for key in ("id", "kind", "criterion", "details", "arm", "split", "state")),
        ("needs", pa.int64()),
        *((key, pa.string()) for key in ("repeats", "method")),
        ("score", pa.float64()),
        ("rank", pa.int64()),
        *((key, pa.string()) for key in ("model_version", "withdrawn_reason")),
        ("superseded_at", TIME),
        *((key, pa.string()) for key in ("origin", "source_key", "extra")),
        ("created_at", TIME),
        (
            "prompt",
            pa.struct(
                [
                    ("id", pa.int64()),
                    ("messages", MESSAGES),
                    ("tags", pa.list_(pa.string())),
                    ("difficulty", pa.float64()),
                    *((key, pa.string()) for key in ("origin", "source_key", "extra")),
                    ("active", pa.bool_()),
                    ("created_at", TIME),
                ]
            ),
        ),
        (
            "responses",
            pa.list_(
                pa.struct(
                    [
                        ("id", pa.int64()),
                        ("messages", MESSAGES),
                        ("policy", pa.string()),
                        ("sampler", pa.string()),
                        ("seed", pa.int64()),
                        ("token_ids", pa.list_(pa.int64())),
                        ("token_logprobs", pa.list_(pa.float64())),
                        ("stopped", pa.bool_()),
                        ("origin", pa.string()),
                        ("dropped_at", TIME),
                        ("created_at", TIME),
                    ]
                )
            ),
        ),
        (
            "judgments",
            pa.list_(
                pa.struct(
                    [
                        ("id", pa.int64()),
                        ("uuid", pa.string()),
                        ("rater", pa.string()),
                        ("answer", pa.int64()),
                        ("order_shown", pa.list_(pa.int64())),
                        ("strength", pa.int64()),
                        ("seconds", pa.float64()),
                        ("guideline", pa.int64()),
                        ("source", pa.string()),
                        ("origin", pa.string()),
                        ("weight", pa.float64()),
                        ("late", pa.bool_()),
                        ("amends", pa.int64()),
                        ("reason", pa.string()),
                        ("created_at", TIME),
                    ]
                )
            ),
        ),
        (
            "reports",
            pa.list_(
                pa.struct(
                    [
                        *((key, pa.string()) for key in ("kind", "reason", "text")),
                        ("at", TIME),
                        *((key, pa.string()) for key in ("decision", "note")),
                        ("decided_at", TIME),
                    ]
                )
            ),
        ),
    ]
)
