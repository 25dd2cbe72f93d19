"""Which side of the held-out line a prompt is on: a pure function of the project's salt and the prompt's root."""

import hashlib
import unicodedata
from collections.abc import Mapping, Sequence


def normalised(text: str) -> str:
    """NFKC, case-folded, white space collapsed."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def root_text(messages: Sequence[Mapping[str, str]]) -> str:
    """The root of a prompt: its first human message, NFKC, case-folded, white space collapsed.

    A prompt without a human message has its first message as root.
    """
    human = next((turn for turn in messages if turn["role"] in ("user", "human")), None)
    first = human or (messages[0] if messages else {"content": ""})
    return normalised(first["content"])


def root_digest(root: str) -> str:
    """A root's name: sha256 of its text."""
    return hashlib.sha256(root.encode("utf-8", "surrogatepass")).hexdigest()


def is_held_out(*, salt: str, root: str, share: float) -> bool:
    """Whether a root is held out, by the first 64 bits of sha256(salt, root), read as a number in [0, 1)."""
    digest = hashlib.sha256(f"{salt}\n{root}".encode("utf-8", "surrogatepass")).digest()
    return int.from_bytes(digest[:8], "big") / 2**64 < share
