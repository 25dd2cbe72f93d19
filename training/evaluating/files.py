"""Files of test items: TRL's pairs, RewardBench's trios, PPE's votes and verified samples, one right among many."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from labeling.formats.parsing import detect
from labeling.formats.reading import BadFile, Limits, read_lines
from labeling.formats.rows import BadRow, ReadJudgment
from labeling.kinds.pair import strength_of
from labeling.models import Answer
from training.learning.rows import Message

FORMATS = ("trl", "rewardbench", "ppe", "one_to_many")
WINNERS = {"a": 1.0, "b": 0.0, "1": 1.0, "2": 0.0}


class UnreadableFile(ValueError):
    """A file that cannot be evaluated on; the message says where and what to write instead."""


@dataclass(frozen=True)
class Item:
    """A prompt with responses. ``good`` [k] says how good each is: 1 right or chosen, 0 wrong or rejected, ½ even.

    ``writers`` name the models that answered, "" where unknown; ``group`` is the subset or domain.
    """

    prompt: list[Message]
    responses: list[list[Message]]
    good: list[float]
    group: str = ""
    writers: tuple[str, ...] = ()
    verified: bool = False


def read_items(path: Path, kind: str) -> list[Item]:
    """All items of a file: JSONL, gzip or Parquet. Raises UnreadableFile that names the line and what is missing."""
    read = {"trl": _pair, "rewardbench": _trio, "ppe": _vote_or_samples, "one_to_many": _one_to_many}[kind]
    items = []
    for number, row in _rows(path):
        try:
            items.append(read(row))
        except (ValueError, KeyError, TypeError) as error:
            said = f"it has no {error}" if isinstance(error, KeyError) else str(error)
            raise UnreadableFile(f"{path.name}, row {number}, as {kind}: {said}") from error
    if not items:
        raise UnreadableFile(f"{path.name} holds no row")
    return items


def _rows(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    if not path.is_file():
        raise UnreadableFile(f"there is no file {path}")
    if path.suffix == ".parquet":
        yield from enumerate(_parquet(path), start=1)
        return
    try:
        for line in read_lines(path, Limits()):
            yield line.number, _object(line.text, f"{path.name}, line {line.number}")
    except BadFile as error:
        raise UnreadableFile(f"{path.name}: {error}") from error


def _object(text: bytes, where: str) -> dict[str, Any]:
    try:
        row = json.loads(text)
    except json.JSONDecodeError as error:
        raise UnreadableFile(f"{where}: not JSON: {error.msg} at column {error.colno}") from error
    except UnicodeDecodeError as error:
        raise UnreadableFile(f"{where}: not UTF-8 at byte {error.start + 1} of the line") from error
    if not isinstance(row, dict):
        raise UnreadableFile(f"{where}: a row is a JSON object")
    return row


def _parquet(path: Path) -> Iterator[dict[str, Any]]:
    import pyarrow
    from pyarrow import parquet

    try:
        for batch in parquet.ParquetFile(path).iter_batches():
            yield from batch.to_pylist()
    except (pyarrow.ArrowException, OSError) as error:
        raise UnreadableFile(f"{path.name} is no Parquet file that can be read: {error}") from error


def _pair(row: dict[str, Any]) -> Item:
    try:
        read = detect(row).read(row)
    except BadRow as error:
        raise ValueError(str(error)) from error
    if len(read.responses) != 2 or len(read.judgments) != 1:
        raise ValueError("expected prompt, chosen and rejected")
    good = _good(read.judgments[0])
    prompt, *sides = ([Message(role=m["role"], content=m["content"]) for m in messages] for messages in (
        read.prompt, *(response.messages for response in read.responses)
    ))  # fmt: skip
    return Item(prompt, sides, [good, 1.0 - good], writers=tuple(one.origin for one in read.responses))


def _good(judgment: ReadJudgment) -> float:
    """How good the first response is; sides were shown in the judgment's order. "Both are bad" prefers neither."""
    if judgment.answer == Answer.CANT_TELL:
        raise ValueError("its judgment is 0, can't tell, which prefers nothing: leave the row out")
    strength = strength_of(judgment.answer, judgment.order_shown) or 0
    return 0.5 + 0.5 * ((strength > 0) - (strength < 0))


def _trio(row: dict[str, Any]) -> Item:
    sides = [_messages(row[key], "assistant", key) for key in ("chosen", "rejected")]
    return Item(_messages(row["prompt"], "user", "prompt"), sides, [1.0, 0.0], str(row["subset"]))


def _one_to_many(row: dict[str, Any]) -> Item:
    wrong = row["rejected"]
    if not isinstance(wrong, list) or not wrong or not all(isinstance(one, (str, list)) for one in wrong):
        raise ValueError("rejected is a list of the wrong responses")
    right = row["chosen"][0] if isinstance(row["chosen"], list) and len(row["chosen"]) == 1 else row["chosen"]
    sides = [_messages(right, "assistant", "chosen"), *(_messages(one, "assistant", "rejected") for one in wrong)]
    return Item(_messages(row["prompt"], "user", "prompt"), sides, [1.0] + [0.0] * len(wrong), _domain(row))


def _vote_or_samples(row: dict[str, Any]) -> Item:
    prompt = _messages(row["prompt"], "user", "prompt")
    if "responses" in row:
        sides = [_messages(one, "assistant", "responses") for one in _list(row["responses"], "responses")]
        good = [_correct(one) for one in _list(row["correct"], "correct")]
        if len(good) != len(sides) or len(sides) < 2:
            raise ValueError("correct says of each of two or more responses whether it is right")
        return Item(prompt, sides, good, _domain(row), verified=True)
    marks = ("a", "b") if "response_a" in row else ("1", "2")
    sides = [_messages(row[f"response_{mark}"], "assistant", f"response_{mark}") for mark in marks]
    won = str(row["winner"]).removeprefix("model_").removeprefix("response_")
    p = 0.5 if won.startswith("tie") else WINNERS.get(won)
    if p is None:
        raise ValueError(f"winner is {row['winner']!r}; write model_{marks[0]}, model_{marks[1]} or tie")
    writers = tuple(str(row.get(f"model_{mark}", "")) for mark in marks)
    return Item(prompt, sides, [p, 1.0 - p], _domain(row), writers)


def _list(told: Any, where: str) -> list[Any]:
    if not isinstance(told, list):
        raise ValueError(f"{where} is a list")
    return told


def _correct(told: Any) -> float:
    """Texts are refused: "false" is no empty text, and so would count as right."""
    if not isinstance(told, (bool, int, float)) or told not in (0, 1):
        raise ValueError(f"correct holds {told!r}; write true or false, or 1 or 0, for each response")
    return float(told)


def _domain(row: dict[str, Any]) -> str:
    return str(row.get("domain") or row.get("category") or row.get("subset") or "all")


def _messages(told: Any, role: str, where: str) -> list[Message]:
    """A text as one message of a role, or messages as they are."""
    if isinstance(told, str):
        return [Message(role=role, content=told)]
    if not isinstance(told, list) or not told:
        raise ValueError(f"{where} is a text or a list of messages")
    if not all(isinstance(one, dict) and {"role", "content"} <= set(one) for one in told):
        raise ValueError(f"every message of {where} has a role and a content")
    return [Message(role=str(one["role"]), content=str(one["content"])) for one in told]
