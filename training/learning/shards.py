"""A file of values per response: written whole, named by its content, checked entry by entry when read.

A shard is a safetensors file of n responses: ``keys`` [n, 32] (what was read, hashed), ``starts`` [n + 1],
``checks`` [n, 8] and ``values``, one flat tensor that is mapped, so that reading few entries reads few pages.
"""

import hashlib
import json
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from .shard_files import ABOUT, SUFFIX


@dataclass(frozen=True)
class Origin:
    """Everything besides the response that changes a value.

    ``kind``: what is kept ("reference", "states"). ``model``: the digest of the weights. ``dtype``: the precision of
    the multiplications. ``machine``: a digest of device, threads and library versions, since other kernels round
    otherwise.
    """

    kind: str
    model: str
    dtype: str
    machine: str

    @property
    def folder(self) -> str:
        """The name of the folder in which such shards lie; it begins with the model's."""
        return f"{self.model[:32]}-{self.kind}-{self.dtype}-{self.machine[:12]}"


class Shard:
    """An open shard: its index is in memory, its values are mapped."""

    def __init__(
        self, path: Path, rows: dict[bytes, int], starts: list[int], checks: bytes, values: torch.Tensor
    ) -> None:
        self.path, self.rows = path, rows
        self._used = False
        self._starts, self._checks, self._values = starts, checks, values

    def read(self, key: bytes) -> torch.Tensor | None:
        """A copy of the entry [its own length], None where it is damaged."""
        row = self.rows[key]
        value = self._values[self._starts[row] : self._starts[row + 1]].clone()
        return value if _check(key, value) == self._checks[8 * row : 8 * row + 8] else None

    def used(self) -> None:
        """Date the file now, once: where room is short, what was used longest ago goes first."""
        if not self._used:
            self._used = True
            with suppress(OSError):
                os.utime(self.path)


def write_shard(directory: Path, origin: Origin, entries: Mapping[bytes, torch.Tensor]) -> Path:
    """Keep 1-D tensors of one dtype by their keys, whole or not at all; two writers of the same write the same file."""
    keys = sorted(entries)
    lengths = torch.tensor([0, *(len(entries[key]) for key in keys)])
    index = {
        "keys": _bytes(b"".join(keys), 32),
        "starts": lengths.cumsum(0),
        "checks": _bytes(b"".join(_check(key, entries[key]) for key in keys), 8),
    }
    about = {**asdict(origin), "responses": str(len(keys)), "index": _index_digest(origin, index)}
    content = save(
        {**index, "values": torch.cat([entries[key].cpu() for key in keys])}, metadata={ABOUT: json.dumps(about)}
    )
    name = hashlib.sha256(content).hexdigest()
    directory.mkdir(parents=True, exist_ok=True)
    part = directory / f"{name}.{os.getpid()}.part"
    with part.open("wb") as out:
        out.write(content)
        out.flush()
        os.fsync(out.fileno())
    return part.replace(directory / f"{name}{SUFFIX}")


def open_shard(path: Path, origin: Origin) -> Shard | None:
    """Open a shard; one that is damaged or of another origin is removed, and None returned."""
    try:
        with safe_open(path, framework="pt") as file:
            about = json.loads((file.metadata() or {}).get(ABOUT, "{}"))
            index = {name: file.get_tensor(name) for name in ("keys", "starts", "checks")}
            values = file.get_tensor("values")
    except OSError:
        return None  # it went away, or cannot be read now
    except (SafetensorError, ValueError):
        about, index, values = {}, {}, torch.empty(0)
    if {name: about.get(name) for name in asdict(origin)} != asdict(origin) or not _whole(about, origin, index, values):
        path.unlink(missing_ok=True)
        return None
    keys, starts = index["keys"].numpy().tobytes(), index["starts"].tolist()
    rows = {keys[32 * row : 32 * row + 32]: row for row in range(len(starts) - 1)}
    return Shard(path, rows, starts, index["checks"].numpy().tobytes(), values)


def repair(directory: Path, origin: Origin, shard: Shard) -> None:
    """Put a shard in which an entry is damaged in order: the entries that are whole stay."""
    read = {key: shard.read(key) for key in shard.rows}
    if whole := {key: value for key, value in read.items() if value is not None}:
        write_shard(directory, origin, whole)
    shard.path.unlink(missing_ok=True)


def _check(key: bytes, value: torch.Tensor) -> bytes:
    return hashlib.blake2b(value.numpy().tobytes(), digest_size=8, key=key).digest()


def _bytes(content: bytes, width: int) -> torch.Tensor:
    return torch.frombuffer(bytearray(content), dtype=torch.uint8).view(-1, width)


def _index_digest(origin: Origin, index: Mapping[str, torch.Tensor]) -> str:
    digest = hashlib.sha256(json.dumps(asdict(origin), sort_keys=True).encode())
    for name in ("keys", "starts", "checks"):
        digest.update(index[name].contiguous().numpy().tobytes())
    return digest.hexdigest()


def _whole(about: Mapping[str, str], origin: Origin, index: Mapping[str, torch.Tensor], values: torch.Tensor) -> bool:
    return (
        bool(index) and about.get("index") == _index_digest(origin, index) and len(values) == int(index["starts"][-1])
    )
