"""TRL's preference rows: explicit or implicit prompt, as texts or as messages."""

from typing import Literal

from labeling.formats.details import read_number, tell
from labeling.formats.rows import BETTER, BadRow, Format, Message, ReadJudgment, ReadResponse, ReadRow, Row
from labeling.formats.texts import (
    assistant_says,
    read_messages,
    read_text,
    split_conversations,
    split_texts,
    user_says,
)

Style = Literal["text", "messages"]
SCORES = ("score_chosen", "score_rejected")
_SCORED = frozenset(SCORES)


def matches(row: Row) -> bool:
    """A row with `chosen` and `rejected`."""
    return "chosen" in row and "rejected" in row


def read(row: Row) -> ReadRow:
    """Read a row; the response stored first is the chosen one."""
    style = _style(row)
    prompt = row.get("prompt")
    if style == "text":
        return _read_texts(row)
    warnings: list[str] = []
    chosen = read_messages(row["chosen"], "chosen", warnings)
    rejected = read_messages(row["rejected"], "rejected", warnings)
    if isinstance(prompt, list):
        asked = read_messages(prompt, "prompt", warnings)
        if not asked:
            raise BadRow("prompt is an empty list")
        if not (_starts_with(chosen, asked) and _starts_with(rejected, asked)):
            return _row(asked, chosen, rejected, {"style": style, "prompt": style}, warnings, row)
    elif prompt is not None and not (chosen and rejected and chosen[0] == rejected[0]):
        asked = user_says(read_text(prompt, "prompt", warnings))
        return _row(asked, chosen, rejected, {"style": style, "prompt": "text"}, warnings, row)
    # The prompt is inside both conversations (and perhaps beside them as well, as in UltraFeedback's files).
    common, chosen, rejected = split_conversations(chosen, rejected)
    return _row(common, chosen, rejected, {"style": style, "prompt": None}, warnings, row)


def _read_texts(row: Row) -> ReadRow:
    warnings: list[str] = []
    chosen = read_text(row["chosen"], "chosen", warnings)
    rejected = read_text(row["rejected"], "rejected", warnings)
    if row.get("prompt") is None:
        common, chosen, rejected = split_texts(chosen, rejected)
        if not common:
            warnings.append("chosen and rejected have no common beginning; the prompt is empty")
        asked, prompt_style = user_says(common), None
    elif isinstance(row["prompt"], list):
        asked, prompt_style = read_messages(row["prompt"], "prompt", warnings), "messages"
        if not asked:
            raise BadRow("prompt is an empty list")
    else:
        asked, prompt_style = user_says(read_text(row["prompt"], "prompt", warnings)), "text"
    shape = {"style": "text", "prompt": prompt_style}
    return _row(asked, assistant_says(chosen), assistant_says(rejected), shape, warnings, row)


def _row(
    prompt: list[Message],
    chosen: list[Message],
    rejected: list[Message],
    shape: Row,
    warnings: list[str],
    row: Row,
) -> ReadRow:
    responses = [
        ReadResponse(chosen, origin=_writer(row, "chosen_model")),
        ReadResponse(rejected, origin=_writer(row, "rejected_model")),
    ]
    used = ("chosen", "rejected") if shape["prompt"] is None else ("prompt", "chosen", "rejected")
    read = ReadRow(prompt, responses, [ReadJudgment("", BETTER)], shape=shape, used=used, warnings=warnings)
    tell(read, row)
    if not _SCORED.isdisjoint(row) and row.get("ratings") is None:
        _read_scores(read, row)
    return read


def _read_scores(read: ReadRow, row: Row) -> None:
    """One number for each response, as UltraFeedback's binarized files have it."""
    ratings: list[dict[str, float]] = []
    for key in SCORES:
        score = read_number(row.get(key))
        ratings.append({} if score is None else {"score": score})
        if score is None and row.get(key) is not None:
            read.warnings.append(f"{key} is not read: it would be a number")
    if any(ratings):
        read.details["ratings"] = ratings


def write(prompt: list[Message], responses: list[ReadResponse], shape: Row) -> Row:
    """The row's prompt, chosen and rejected, in the style it came in."""
    chosen, rejected = responses[0].messages, responses[1].messages
    if shape["prompt"] is None:
        if shape["style"] == "messages":
            return {"chosen": prompt + chosen, "rejected": prompt + rejected}
        start = prompt[0]["content"]
        return {"chosen": start + chosen[0]["content"], "rejected": start + rejected[0]["content"]}
    return {
        "prompt": prompt if shape["prompt"] == "messages" else prompt[0]["content"],
        "chosen": chosen if shape["style"] == "messages" else chosen[0]["content"],
        "rejected": rejected if shape["style"] == "messages" else rejected[0]["content"],
    }


def _style(row: Row) -> Style:
    lists = [isinstance(row[key], list) for key in ("chosen", "rejected")]
    if lists[0] != lists[1]:
        raise BadRow("chosen and rejected must both be texts or both be lists of messages")
    return "messages" if lists[0] else "text"


def _starts_with(conversation: list[Message], start: list[Message]) -> bool:
    return len(conversation) > len(start) and conversation[: len(start)] == start


def _writer(row: Row, key: str) -> str:
    name = row.get(key)
    return f"model:{name}"[:200] if isinstance(name, str) and name else ""


TRL = Format("trl", "prompt (or inside the two), chosen, rejected; texts or messages", matches, read, write)
