"""Answers that are known already, by the hash of the question: JSON lines, each with a checksum."""

import hashlib
import json
import threading
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any


def content_key(question: dict[str, Any]) -> str:
    """Names a question: the sha256 (hex) of everything that decides its answer."""
    return hashlib.sha256(_canonical(question).encode()).hexdigest()


class AnswerFiles:
    """Answers below a directory. Every process writes a file of its own and reads all of them when it begins.

    A line that is damaged, torn or was changed is as good as absent. No line holds a key or an address.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._path = directory / f"answers-{uuid.uuid4().hex}.jsonl"
        self._lock = threading.Lock()
        self._known = dict(entry for path in sorted(directory.glob("answers-*.jsonl")) for entry in _read(path))

    def __len__(self) -> int:
        """How many answers are known."""
        return len(self._known)

    def get(self, key: str) -> dict[str, Any] | None:
        """The answer under a key, None where it is unknown."""
        return self._known.get(key)

    def put(self, key: str, answer: dict[str, Any]) -> None:
        """Keep an answer, in memory and at the end of this process's file."""
        line = json.dumps({"key": key, "answer": answer, "sha256": _checksum(key, answer)}, ensure_ascii=False)
        with self._lock:
            self._known[key] = answer
            self.directory.mkdir(parents=True, exist_ok=True)
            with self._path.open("a", encoding="utf-8") as out:
                out.write(line + "\n")


def _canonical(value: Any) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=True, separators=(",", ":"))


def _checksum(key: str, answer: Any) -> str:
    return hashlib.sha256(f"{key}\n{_canonical(answer)}".encode()).hexdigest()


def _read(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    with path.open(encoding="utf-8", errors="replace") as lines:
        for line in lines:
            try:
                entry = json.loads(line)
                whole = entry["sha256"] == _checksum(entry["key"], entry["answer"])
            except (ValueError, TypeError, KeyError, RecursionError):
                continue
            if whole and isinstance(entry["answer"], dict):
                yield str(entry["key"]), entry["answer"]
