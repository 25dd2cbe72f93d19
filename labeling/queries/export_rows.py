"""Rows on their way out: which, and in which form."""

import hashlib
import re
from dataclasses import asdict, dataclass, replace
from typing import Any, Self

from psycopg.sql import SQL, Composable, Composed, Literal

from labeling.models import Project, Source
from labeling.queries import export_sql as text

FORMATS = {
    "trl": "TRL preference rows: one per comparison, by the majority of the latest judgments",
    "kto": "TRL unpaired rows: prompt, completion, label; two per comparison",
    "helpsteer2": "HelpSteer2's preference rows, texts with the mean strength of the latest judgments; ties stay, as 0",
    "heed": "Heed's full rows: every comparison with its responses, judgments and amendments; nothing is lost",
    "original": "imported rows, field by field as they came",
    "prompts": "prompts with their tags",
}
PAIRS = ("trl", "kto", "helpsteer2")  # formats whose rows are made of pairs and their verdicts
STYLES = {"conversational": "lists of messages", "standard": "plain texts"}
PROMPT_PLACES = {"explicit": "the prompt in a column of its own", "implicit": "the prompt inside chosen and rejected"}
FILES = {"jsonl": "JSON Lines", "parquet": "Parquet"}
# Sources that pair rows count by default. Simulated people are counted on request; a reward model's labels never.
COUNTED = (Source.PERSON, Source.IMPORT, Source.JUDGE, Source.VERIFIER)


class BadOptions(ValueError):
    """Options that do not go together; the message says which and why."""


@dataclass(frozen=True)
class ExportOptions:
    """What an export contains. `frozen` is a `pg_snapshot` as text, to repeat an earlier export."""

    format: str = "trl"
    file: str = "jsonl"
    style: str = "conversational"
    prompt: str = "explicit"
    columns: bool = True
    margin: bool = False
    held_out: bool = False
    simulated: bool = False
    frozen: str = ""

    def __post_init__(self) -> None:
        """Refuse what there is not."""
        for name, known in (("format", FORMATS), ("file", FILES), ("style", STYLES), ("prompt", PROMPT_PLACES)):
            if getattr(self, name) not in known:
                raise BadOptions(f"There is no {name} {getattr(self, name)!r}; known are {', '.join(known)}.")
        if self.file == "parquet" and self.format == "original":
            raise BadOptions("Imported rows have different columns; they go out as JSON Lines only.")
        if self.format in ("kto", "helpsteer2") and self.prompt == "implicit":
            name = "Unpaired rows" if self.format == "kto" else "HelpSteer2's rows"
            raise BadOptions(f"{name} have their prompt in a column of its own.")
        if self.frozen and not _is_snapshot(self.frozen):
            raise BadOptions(f"{self.frozen!r} is no frozen set; copy it from an earlier export's manifest.")

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Self:
        """Read what `to_json` wrote. Raises BadOptions for a key that there is not."""
        unknown = sorted(set(data) - set(cls.__dataclass_fields__))
        if unknown:
            raise BadOptions(f"There is no option {', '.join(unknown)}.")
        return replace(cls(), **data)

    def to_json(self) -> dict[str, Any]:
        """The options as a JSON object."""
        return asdict(self)


def _is_snapshot(frozen: str) -> bool:
    return re.fullmatch(r"\d{1,19}:\d{1,19}:(\d{1,19}(,\d{1,19})*)?", frozen, re.ASCII) is not None


def export_statement(project: Project, options: ExportOptions) -> Composed:
    """The query of an export: a JSON head and a JSON row, or NULL, in each line, in the order of ids."""
    number = Literal(project.pk)
    if options.format == "heed":
        return text.full(loose=options.file == "jsonl").format(
            project=number,
            prefix=Literal(f"{project.slug}:{hashlib.sha256(project.salt.encode()).hexdigest()[:8]}:"),
            salt=Literal(project.salt),
            frozen=_frozen("j", options.frozen),
            policies=text.policy_table(),
        )
    if options.format == "original":
        return text.ORIGINAL.format(project=number)
    if options.format == "prompts":
        return text.PROMPTS.format(project=number, held_out=Literal(options.held_out))
    which = _which(options)
    return text.PAIRS.format(
        votes=text.VOTES.format(project=number, **which),
        project=number,
        held_out=Literal(options.held_out),
        decided=text.BY_MEAN if options.format == "helpsteer2" else text.BY_MAJORITY,
        body=text.joined(_body(options, which)),
        more=_more(options),
        sides=text.BOTH_SIDES if options.format == "kto" else SQL(""),
    )


def further_statements(project: Project, options: ExportOptions) -> list[Composed]:
    """What follows: prompts that were imported by themselves, or a count of what is no pair."""
    if options.format in PAIRS:
        return [text.OTHER_KINDS.format(project=Literal(project.pk))]
    return [text.ORIGINAL_PROMPTS.format(project=Literal(project.pk))] if options.format == "original" else []


def _which(options: ExportOptions) -> dict[str, Composable]:
    """Which judgments count, and which of them are the latest."""
    sources = [*COUNTED, Source.SIMULATION] if options.simulated else list(COUNTED)
    return {
        "counts": text.COUNTS.format(sources=Literal([source.value for source in sources])),
        "latest": text.LATEST.format(
            frozen=_frozen("j", options.frozen), frozen_amendment=_frozen("a", options.frozen)
        ),
    }


def _body(options: ExportOptions, which: dict[str, Composable]) -> list[Composable]:
    if options.format == "helpsteer2":
        places = (
            ("prompt", "prompt", "user"),
            ("response_1", "one", "assistant"),
            ("response_2", "other", "assistant"),
        )
        return [*(text.marked(*place) for place in places), text.STRENGTH, text.STATEMENT.format(**which)]
    write = text.conversation if options.style == "conversational" else text.plain
    if options.format == "kto":
        return [write("prompt", "prompt"), write("completion", "completion"), SQL("""'"label": ', label::text""")]
    if options.prompt == "explicit":
        return [write(key, key) for key in ("prompt", "chosen", "rejected")]
    whole = text.conversation if options.style == "conversational" else text.transcript
    return [whole(key, f"prompt || {key}") for key in ("chosen", "rejected")]


def _more(options: ExportOptions) -> Composable:
    parts = [part for wanted, part in ((options.columns, text.COLUMNS), (options.margin, text.MARGIN)) if wanted]
    return SQL(", ").join(parts) if parts else SQL("''")


def _frozen(table: str, frozen: str) -> Composable:
    """Whether a judgment was in a frozen set: its transaction had ended when the set was taken."""
    if not frozen:
        return SQL("true")
    return SQL("pg_visible_in_snapshot({column}, {snapshot}::pg_snapshot)").format(
        column=SQL(table + ".transaction_id"),
        snapshot=Literal(frozen),
    )
