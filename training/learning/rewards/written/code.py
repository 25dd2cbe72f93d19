"""A reward as readable code over declared features: written by a language model, run by our own interpreter.

Ma et al. 2023, "Eureka", arXiv:2310.12931, and Yu et al. 2024, "In-Context Preference Learning", arXiv:2410.17233, let
a language model write Python; here it writes lines ``name = expression`` of a language that can do nothing but
arithmetic (``expressions``), the last of which is ``reward = …``.
"""

import ast
import hashlib
import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from ...models import NoModel
from ...rows import Message
from ..fast.states import Pair
from ..interface import Scored
from .declared import FEATURES, measured
from .expressions import FUNCTIONS, Language, NoValue, Number, Refused, parse_program, value_of

Array = NDArray[np.float64]
METHOD = "in_context_reward_code"
RESULT = "reward"
LANGUAGE = Language(frozenset(FEATURES), FUNCTIONS)  # what a program may read and call


@dataclass(frozen=True)
class Program:
    """Code that was read and found to be of the language: its text, and its steps in order."""

    source: str
    steps: tuple[tuple[str, ast.expr], ...]

    @classmethod
    def read(cls, source: str) -> "Program":
        """Raises Refused (a ValueError) in words that can be sent back to the writer."""
        return cls(source.strip(), parse_program(source, LANGUAGE, RESULT))

    def trace(self, features: Mapping[str, float]) -> dict[str, float]:
        """The value of every step for one response. Raises NoValue."""
        values: dict[str, Number] = dict(features)
        for name, tree in self.steps:
            values[name] = value_of(tree, values, FUNCTIONS)
        return {name: float(values[name]) for name, _ in self.steps}

    def rewards(self, features: Sequence[Mapping[str, float]], otherwise: float | None = None) -> Array:
        """Rewards [n]. Where the code has no value (a division by zero) the reward is ``otherwise``; without one,
        NoValue is raised."""
        return np.array([self._reward(row, otherwise) for row in features])

    def _reward(self, features: Mapping[str, float], otherwise: float | None) -> float:
        try:
            return self.trace(features)[RESULT]
        except NoValue:
            if otherwise is None:
                raise
            return otherwise


@dataclass(frozen=True)
class CodeReward(Scored):
    """A program as one member of an ensemble: ``scale`` turns its units into logits of preference, ``otherwise`` is
    the reward, in its own units, of a response for which it has no value (the middle one of those it was made on)."""

    program: Program
    scale: float = 1.0
    otherwise: float = 0.0

    def score(self, pairs: Sequence[Pair]) -> Array:
        """Rewards [n] of (prompt, response) pairs of messages."""
        rewards = self.program.rewards(measured([texts(*pair) for pair in pairs]), self.otherwise)
        return np.asarray(self.scale * rewards)

    def save(self, directory: Path, card: str) -> None:
        """Write ``reward.json`` with the code as text, and ``extra.safetensors`` with its two numbers and the code's
        checksum, so that the model's digest covers the code. Whole or not at all."""
        part = directory.with_name(directory.name + ".part")
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(parents=True)
        about = {"method": METHOD, "source": self.program.source}
        (part / "reward.json").write_text(json.dumps(about, ensure_ascii=False, indent=1), encoding="utf-8")
        numbers = torch.tensor([self.scale, self.otherwise], dtype=torch.float64)
        save_file({"numbers": numbers, "sha256": _checksum(self.program.source)}, part / "extra.safetensors")
        (part / "README.md").write_text(f"{card}\n```python\n{self.program.source}\n```\n", encoding="utf-8")
        shutil.rmtree(directory, ignore_errors=True)
        part.rename(directory)

    @classmethod
    def load(cls, directory: Path, device: str = "cpu") -> "CodeReward":
        """Read what ``save`` wrote. Raises NoModel in words, also where the code is not of the language."""
        try:
            about: dict[str, Any] = json.loads((directory / "reward.json").read_text(encoding="utf-8"))
            extra = load_file(directory / "extra.safetensors")
            program = Program.read(str(about["source"]))
            if not torch.equal(extra["sha256"], _checksum(program.source)):
                raise ValueError("the code is not the one that was saved")
            return cls(program, *extra["numbers"].tolist())
        except (OSError, ValueError, KeyError, TypeError, SafetensorError) as error:
            raise NoModel(f"{directory.name} holds no reward code that can be used: {error}") from error


def _checksum(source: str) -> torch.Tensor:
    return torch.frombuffer(bytearray(hashlib.sha256(source.encode()).digest()), dtype=torch.uint8).clone()


def texts(prompt: Sequence[Message], response: Sequence[Message]) -> tuple[str, str]:
    """The prompt's last turn and the response, as the texts that features are measured on."""
    return (prompt[-1]["content"] if prompt else ""), "\n".join(message["content"] for message in response)


__all__ = ["CodeReward", "Program", "Refused", "texts"]
