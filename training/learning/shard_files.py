"""What a shard is called and says of itself. Needs no torch, so that a web process may ask."""

import json
from pathlib import Path

SUFFIX = ".safetensors"
ABOUT = "heed"  # one entry of the metadata: safetensors writes several in random order, and a file's name is its hash
MOST_HEADER = 2**20


def about_shard(path: Path) -> dict[str, str]:
    """What a shard says of itself (its origin and ``responses``). Raises ValueError when unreadable."""
    try:
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            if not 0 < length < MOST_HEADER:
                raise ValueError(f"{path.name} is no safetensors file")
            told = json.loads(json.loads(file.read(length))["__metadata__"][ABOUT])
        return {name: str(told[name]) for name in ("kind", "model", "dtype", "machine", "responses")}
    except (OSError, KeyError, TypeError, UnicodeDecodeError) as error:
        raise ValueError(f"{path.name} cannot be read: {error}") from error
