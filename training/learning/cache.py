"""What a frozen model makes of a response, kept in files that all runs share: a refit computes only what is new.

Used by ``response_logprobs`` (reference log-probabilities) and ``rewards.frozen`` (the states a head reads).
"""

import hashlib
import json
from array import array
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch

from .rows import Message
from .shard_files import SUFFIX
from .shards import Origin, Shard, open_shard, repair, write_shard
from .steady import machine
from .text import Group, Tokens

AT_ONCE = 2048  # responses computed before they are kept: what a run that is killed may lose

Compute = Callable[[Sequence[int]], Sequence[torch.Tensor]]  # places among those asked for, to 1-D tensors


def tokens_key(prompt: Tokens, response: Tokens = ()) -> bytes:
    """Names a response by what the model reads: the tokens of its prompt and its own. 32 bytes."""
    digest = hashlib.sha256(len(prompt).to_bytes(8, "little"))
    digest.update(array("q", prompt).tobytes())
    digest.update(array("q", response).tobytes())
    return digest.digest()


def text_key(*conversations: Sequence[Message]) -> bytes:
    """Names a prompt and a response by what they say, before they are rendered. 32 bytes."""
    return hashlib.sha256(json.dumps(conversations, sort_keys=True).encode()).digest()


def response_key(group: Group, response: int) -> bytes:
    """``tokens_key`` of one of a group's responses."""
    return tokens_key(group.prompt, group.responses[response])


@dataclass
class Tally:
    """How many different responses were asked for, and how many of them were known or had to be computed.

    With a ``path`` it outlives its process: what an earlier attempt of the same job computed counts as computed.
    """

    asked: int = 0
    computed: int = 0
    path: Path | None = None
    before: int = 0  # computed by earlier attempts

    @classmethod
    def at(cls, path: Path) -> "Tally":
        """Go on counting where an earlier attempt left it."""
        told = path.read_text().strip() if path.is_file() else ""
        return cls(path=path, before=int(told) if told.isdigit() else 0)

    def compute(self, count: int) -> None:
        """So many were computed."""
        self.computed += count
        if self.path is not None:
            part = self.path.with_name(f"{self.path.name}.part")
            part.write_text(str(self.before + self.computed))
            part.replace(self.path)

    def to_json(self) -> dict[str, int]:
        """As it stands in a run's result."""
        computed = min(self.before + self.computed, self.asked)
        return {"asked": self.asked, "found": self.asked - computed, "computed": computed}


@dataclass
class ResponseCache:
    """Values of one origin, by key, in files below ``directory``.

    Several processes may write at once: each writes files of its own, named by their content, and sees the others'
    when something is missing. Only the indices of the files are read; values are mapped and read when asked for.
    A damaged entry is unknown, and its file put in order.
    """

    directory: Path
    origin: Origin
    tally: Tally = field(default_factory=Tally)

    def __post_init__(self) -> None:
        """Read the indices of what is there."""
        self._shards: dict[str, Shard | None] = {}
        self._where: dict[bytes, Shard] = {}
        self._read: dict[bytes, torch.Tensor] = {}
        self._look()

    @property
    def place(self) -> Path:
        """The folder of this origin's files."""
        return self.directory / self.origin.folder

    def __len__(self) -> int:
        """How many responses are known."""
        return len(self._where.keys() | self._read.keys())

    def get(self, key: bytes) -> torch.Tensor | None:
        """The value of a key, None where it is unknown or damaged."""
        while key not in self._read and (shard := self._where.get(key)) is not None:
            value = shard.read(key)
            if value is None:
                self._mend(shard)
            else:
                shard.used()
                self._read[key] = value
        return self._read.get(key)

    def complete(self, keys: Sequence[bytes], compute: Compute) -> list[torch.Tensor]:
        """The values of all keys, in order; ``compute`` is asked for the places of those that are not known."""
        first: dict[bytes, int] = {}
        for place, key in enumerate(keys):
            first.setdefault(key, place)
        new = [key for key in first if key not in self._read]
        missing = [key for key in new if self.get(key) is None]
        if missing and self._look():
            missing = [key for key in missing if self.get(key) is None]
        for start in range(0, len(missing), AT_ONCE):
            self._add(missing[start : start + AT_ONCE], first, compute)
        self.tally.asked += len(new)
        return [self._read[key] for key in keys]

    def _add(self, keys: Sequence[bytes], place: dict[bytes, int], compute: Compute) -> None:
        made = dict(zip(keys, compute([place[key] for key in keys]), strict=True))
        write_shard(self.place, self.origin, made)
        self.tally.compute(len(made))
        self._read |= made

    def _look(self) -> bool:
        """Open the files that are new; whether there was one."""
        fresh = [path for path in sorted(self.place.glob(f"*{SUFFIX}")) if path.name not in self._shards]
        for path in fresh:
            shard = self._shards[path.name] = open_shard(path, self.origin)
            if shard is not None:
                self._where |= dict.fromkeys(shard.rows, shard)
        return bool(fresh)

    def _mend(self, shard: Shard) -> None:
        repair(self.place, self.origin, shard)
        for key in shard.rows:
            if self._where.get(key) is shard:
                del self._where[key]
        self._look()


class LogprobCache:
    """Log-probabilities per token of one frozen model's responses.

    ``digest`` names the model (``model_digest``), ``dtype`` and ``device`` what its multiplications are in and on: no
    other's values are returned, nor those of another number of threads or another library. Values do not depend on
    what is asked for together (``steady``), so that any split over runs gives the same ones.
    """

    def __init__(
        self,
        directory: Path,
        digest: str,
        *,
        dtype: str = "float32",
        device: str = "cpu",
        tally: Tally | None = None,
    ) -> None:
        """Open the cache below ``directory``. Call it after ``devices.configure``: threads change values."""
        origin = Origin("reference", digest, dtype, machine(device))
        self.responses = ResponseCache(directory, origin, tally or Tally())

    @property
    def tally(self) -> Tally:
        """How many were asked for, known and computed."""
        return self.responses.tally

    def __len__(self) -> int:
        """How many responses are known."""
        return len(self.responses)

    def get(self, group: Group) -> list[torch.Tensor | None]:
        """The known log-probabilities of a group's responses, None where unknown."""
        return [self.responses.get(response_key(group, place)) for place in range(len(group.responses))]

    def complete(
        self, groups: Sequence[Group], compute: Callable[[Sequence[Group]], Sequence[torch.Tensor]]
    ) -> list[list[torch.Tensor]]:
        """Per group and response its values; ``compute`` is given groups of one response each."""
        places = [(group, place) for group in groups for place in range(len(group.responses))]

        def alone(wanted: Sequence[int]) -> Sequence[torch.Tensor]:
            chosen = (places[index] for index in wanted)
            return compute([Group(group.prompt, (group.responses[place],)) for group, place in chosen])

        values = iter(self.responses.complete([response_key(*place) for place in places], alone))
        return [[next(values) for _ in group.responses] for group in groups]
