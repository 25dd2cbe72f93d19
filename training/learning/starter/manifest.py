"""What the committed starter says of itself: how it was made, what came out, and the sha256 of every file."""

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from training.learning.starter.corpus import GENERATOR_VERSION

NAME = "manifest.json"


@dataclass(frozen=True)
class Manifest:
    """How a starter was made. `files` maps a file's name to its sha256; `unseen_loss` is nats per answer token."""

    seed: int
    network: dict[str, Any]
    vocabulary: int
    parameters: int
    settings: dict[str, Any]
    steps: int
    first_losses: tuple[float, ...]
    unseen_loss: float
    files: dict[str, str]
    generator_version: int = GENERATOR_VERSION

    def write(self, directory: Path) -> None:
        """Store it beside the files it speaks of."""
        text = json.dumps(asdict(self), indent=1, sort_keys=True)
        (directory / NAME).write_text(text + "\n", encoding="utf-8")


def read_manifest(directory: Path) -> Manifest:
    """The manifest of a starter. Raises FileNotFoundError where there is none."""
    data = json.loads((directory / NAME).read_text(encoding="utf-8"))
    return Manifest(**{**data, "first_losses": tuple(data["first_losses"])})


def file_digests(directory: Path) -> dict[str, str]:
    """The sha256 of every file but the manifest, by name."""
    files = sorted(path for path in directory.iterdir() if path.is_file() and path.name != NAME)
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}
