"""What one side is asked to do, and what it found: plain JSON, because each side is a process of its own."""

import json
from dataclasses import asdict, dataclass
from typing import Literal

What = Literal["dpo", "reward"]


@dataclass(frozen=True)
class Lap:
    """One training. ``reference``: in every step ("online"), computed before it ("before"), or known already ("known").
    ``grouped`` sorts TRL's batches by length; ``token_budget`` is Heed's."""

    what: What
    material: str
    pairs: int
    reference: Literal["online", "before", "known"] = "known"
    dtype: Literal["float32", "bfloat16"] = "float32"
    batch: int = 16
    grouped: bool = False
    token_budget: int = 4096
    threads: int = 2
    seed: int = 0

    def to_json(self) -> str:
        """One line."""
        return json.dumps(asdict(self))


@dataclass(frozen=True)
class Found:
    """``steady``: pairs a second after the first step. ``cold``: pairs a second with everything before it counted that
    depends on the data (tokens, the reference). ``loss`` is the mean over the last fifth of the steps, ``memory`` the
    peak in MiB."""

    steady: float
    cold: float
    loss: float
    memory: float

    @classmethod
    def read(cls, line: str) -> "Found":
        """From the last line that a side printed. Raises ValueError for anything else."""
        return cls(**json.loads(line))
