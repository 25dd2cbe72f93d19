"""Transcripts of Anthropic's HH-RLHF: whole conversations as one text, with `Human:` and `Assistant:` turns."""

import re

from labeling.formats.details import tell
from labeling.formats.rows import BETTER, BadRow, Format, Message, ReadJudgment, ReadResponse, ReadRow, Row
from labeling.formats.texts import assistant_says, split_conversations

TURN = re.compile(r"\n\n(Human|Assistant):")
ROLE = {"Human": "user", "Assistant": "assistant"}
NAME = {role: name for name, role in ROLE.items()}
ANSWER_NOW = "\n\nAssistant:"


def matches(row: Row) -> bool:
    """A row whose chosen text is a transcript, or whose prompt is one that stops where the answer begins."""
    chosen, rejected, prompt = row.get("chosen"), row.get("rejected"), row.get("prompt")
    if not isinstance(chosen, str) or not isinstance(rejected, str):
        return False
    if prompt is None:
        return TURN.match(chosen) is not None
    return isinstance(prompt, str) and TURN.match(prompt) is not None and prompt.rstrip().endswith(ANSWER_NOW)


def read(row: Row) -> ReadRow:
    """Read a row; turns are cut at their markers and nothing inside them is changed."""
    if row.get("prompt") is not None:
        prompt = transcript_messages(row["prompt"].rstrip().removesuffix(ANSWER_NOW), "prompt")
        chosen, rejected = (assistant_says(row[key].removeprefix(" ")) for key in ("chosen", "rejected"))
        shape = {"prompt": True}
    else:
        prompt, chosen, rejected = split_conversations(
            transcript_messages(row["chosen"], "chosen"), transcript_messages(row["rejected"], "rejected")
        )
        shape = {"prompt": False}
    responses = [ReadResponse(chosen), ReadResponse(rejected)]
    used = ("prompt", "chosen", "rejected")
    return tell(ReadRow(prompt, responses, [ReadJudgment("", BETTER)], shape=shape, used=used), row)


def transcript_messages(transcript: str, where: str) -> list[Message]:
    """The turns of a transcript. Raises BadRow where it does not begin with a turn."""
    head, *parts = TURN.split(transcript)
    if head or not parts:
        raise BadRow(f"{where} is not a transcript: it must begin with '\\n\\nHuman:' or '\\n\\nAssistant:'")
    return [
        {"role": ROLE[name], "content": text.removeprefix(" ")}
        for name, text in zip(parts[::2], parts[1::2], strict=True)
    ]


def transcript(messages: list[Message]) -> str:
    """Messages as one text. Turns other than the user's and the assistant's do not occur in these files."""
    return "".join(f"\n\n{NAME[turn['role']]}: {turn['content']}" for turn in messages)


def write(prompt: list[Message], responses: list[ReadResponse], shape: Row) -> Row:
    """The row's transcripts."""
    chosen, rejected = responses[0].messages, responses[1].messages
    if shape["prompt"]:
        return {
            "prompt": transcript(prompt) + ANSWER_NOW,
            "chosen": " " + chosen[0]["content"],
            "rejected": " " + rejected[0]["content"],
        }
    return {"chosen": transcript(prompt + chosen), "rejected": transcript(prompt + rejected)}


HH = Format("hh", "chosen and rejected as transcripts with Human: and Assistant: turns", matches, read, write)
