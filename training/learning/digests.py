"""What a model's weights are called: a hash of their files. Needs no torch, so that a web process may ask."""

import hashlib
from pathlib import Path


def weights_digest(directory: Path) -> str:
    """The sha256 (hex) over a directory's weight files, by name and content. Raises FileNotFoundError without any."""
    files = sorted(directory.glob("*.safetensors"))
    if not files:
        raise FileNotFoundError(f"no safetensors weights in {directory.name!r}")
    digest = hashlib.sha256()
    for path in files:
        digest.update(path.name.encode() + b"\0")
        with path.open("rb") as weights:
            digest.update(hashlib.file_digest(weights, "sha256").digest())
    return digest.hexdigest()
