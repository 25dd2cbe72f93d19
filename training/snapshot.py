"""Judgments on their way to the machines. This module alone reads them, and it alone knows the held-out rule.

Judgments on training prompts go to fits, the posterior and acquisition: `training_judgments`, `take_snapshot`.
Judgments on held-out prompts go to the gate, the leaderboard and reports: `verdicts_of`, `measured_verdicts`.

All readers see the latest judgment of each person: an amended one is out. A reader who must miss nothing reads
below a mark, `pg_snapshot_xmin(pg_current_snapshot())`: every transaction below it has ended, so what is below
it never changes, while an id taken from a sequence may still be invisible when a larger one is not.
"""

import hashlib
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from itertools import chain, groupby, islice
from pathlib import Path
from typing import Any

from django.db import IntegrityError, connection, transaction
from django.db.models import Count, Exists, F, Max, Min, OuterRef, Q, QuerySet

from labeling.models import (
    Answer,
    Arm,
    Comparison,
    ComparisonResponse,
    Judgment,
    Kind,
    Project,
    Prompt,
    Report,
    Response,
    Source,
    Split,
    State,
)
from training.folders import project_folder, stored
from training.learning.rewards.needs import Need
from training.learning.rows import Message, PreferenceRow, write_rows
from training.models import Snapshot

# A reward model's own labels are made inside a run and never stored as judgments; none is read back as one.
TRAINING_SOURCES = (Source.PERSON, Source.IMPORT, Source.SIMULATION, Source.JUDGE, Source.VERIFIER)
_HELD_OUT = Q(comparison__prompt__split=Split.HELD_OUT) | Q(comparison__prompt__root__split=Split.HELD_OUT)
_BATCH = 1000
NO_MARK = 2**62  # above every transaction
ALONE = (Kind.ASSESSMENT, Kind.DEMONSTRATION)  # one response each
MORE_THAN_A_VERDICT = ~Q(kind=Kind.PAIR) | ~Q(details={}) | ~Q(criterion="")  # as the index on comparisons has it


class NothingToTrainOn(ValueError):
    """There is no judgment that a model could learn from; the message says what to do."""


@dataclass(frozen=True)
class Verdict:
    """A judgment as the machines see it. `p` is the probability that it prefers the response at position 0.

    `p` is None for "can't tell"; "both are bad" prefers neither, so it is ½, as "about the same" is.
    """

    id: int
    comparison: int
    prompt: int
    responses: tuple[int, int]
    p: float | None
    strength: int | None
    weight: float
    source: str
    arm: str
    amends: int | None
    person: int | None
    late: bool
    written: int  # the id of the transaction that wrote it


def mark_now() -> int:
    """The transaction id below which everything has ended, as of this statement."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_snapshot_xmin(pg_current_snapshot())::text")
        [mark] = cursor.fetchone() or ["0"]
    return int(mark)


def probability(answer: int, strength: int | None) -> float | None:
    """The soft label of one answer, for the response stored at position 0."""
    if answer == Answer.CANT_TELL:
        return None
    if strength is None or strength == 0:
        return 0.5
    return 1.0 if strength > 0 else 0.0


def comparisons_behind(judgments: Collection[int]) -> frozenset[int]:
    """The comparisons that some judgments were made of, amended or not."""
    return frozenset(Judgment.objects.filter(pk__in=judgments).values_list("comparison_id", flat=True).distinct())


def _training(project: Project, below: int) -> QuerySet[Judgment]:
    """Latest judgments on training prompts under a mark, whose comparison still counts."""
    dropped = ComparisonResponse.objects.filter(comparison=OuterRef("comparison"), response__dropped_at__isnull=False)
    withdrawn = Report.objects.filter(comparison=OuterRef("comparison"), decision="withdrawn")
    return Judgment.objects.filter(
        Q(amended_by__isnull=True) | Q(amended_by__transaction_id__gte=below),
        ~Exists(dropped),
        ~Exists(withdrawn),
        project=project,
        transaction_id__lt=below,
        source__in=TRAINING_SOURCES,
    ).exclude(_HELD_OUT)


def training_prompts(project: Project) -> QuerySet[Prompt]:
    """The prompts that the loop may train on: what fits, features and acquisition ever see."""
    return Prompt.objects.filter(project=project, active=True, split=Split.TRAIN, root__split=Split.TRAIN)


def training_responses(project: Project) -> QuerySet[Response]:
    """Responses to prompts on the training side, active or not."""
    return Response.objects.filter(prompt__project=project, prompt__split=Split.TRAIN, prompt__root__split=Split.TRAIN)


def on_training_prompts(comparisons: QuerySet[Comparison]) -> QuerySet[Comparison]:
    """Of some comparisons, those that a model may score: a held-out one is never ordered by a score."""
    return comparisons.filter(prompt__split=Split.TRAIN, prompt__root__split=Split.TRAIN)


def _on_training(project: Project) -> QuerySet[Comparison]:
    """A project's comparisons on training prompts that still count."""
    here = on_training_prompts(project.comparisons.all())
    return here.exclude(reports__decision="withdrawn").exclude(state=State.WITHDRAWN)


def held_out_prompts(project: Project) -> QuerySet[Prompt]:
    """The prompts on which policies meet in duels."""
    return Prompt.objects.filter(project=project, active=True, split=Split.HELD_OUT, root__split=Split.HELD_OUT)


def training_judgments(project: Project, *, below: int = NO_MARK, since: int = 0) -> list[Verdict]:
    """Judgments of pairs on training prompts, written in [since, below), oldest transaction first.

    With `since` 0 these are all that count now, amended ones left out. Later readings bring amendments as rows
    with `amends` set: whoever learned the earlier row must then learn everything anew.
    """
    found = _training(project, below).filter(transaction_id__gte=since, comparison__kind="pair")
    return list(_verdicts(found.order_by("transaction_id", "id")))


def withdrawn_signature(project: Project) -> tuple[int, int]:
    """Changes whenever a judgment stops or starts to count without a new row: dropped responses, withdrawals."""
    dropped = Response.objects.filter(prompt__project=project, dropped_at__isnull=False).count()
    withdrawn = project.comparisons.filter(reports__decision="withdrawn").count()
    return dropped, withdrawn


def training_count(project: Project, *, since: int = 0, most: int | None = None) -> int:
    """How many judgments on training prompts count now; with `since`, of those written at or above that mark.

    `most` ends the counting there: who asks twice a second whether there are a hundred need not read all of them.
    """
    found = _training(project, NO_MARK).filter(transaction_id__gte=since, comparison__kind="pair")
    return found.exclude(answer=Answer.CANT_TELL)[:most].count()


def labels_of(judgments: Collection[int]) -> dict[int, float]:
    """The soft labels of judgments on training prompts, by id; what tells nothing is left out."""
    found = Judgment.objects.filter(pk__in=judgments).exclude(_HELD_OUT)
    labels = {
        pk: probability(answer, strength) for pk, answer, strength in found.values_list("pk", "answer", "strength")
    }
    return {pk: label for pk, label in labels.items() if label is not None}


def judged_by_people(judgments: Collection[int]) -> dict[int, tuple[str, list[float]]]:
    """By comparison on the training side, of some judgments: its arm, and the first label of each person."""
    found = Judgment.objects.filter(pk__in=judgments).exclude(_HELD_OUT).order_by("comparison_id", "pk")
    fields = ("comparison_id", "comparison__arm", "person_id", "answer", "strength")
    told: dict[int, tuple[str, dict[int, float]]] = {}
    for comparison, arm, person, answer, strength in found.values_list(*fields).iterator(chunk_size=_BATCH):
        _, said = told.setdefault(comparison, (arm, {}))
        label = probability(answer, strength)
        if person is not None and label is not None:
            said.setdefault(person, label)
    return {comparison: (arm, list(said.values())) for comparison, (arm, said) in told.items()}


def training_reasons(judgments: Collection[int]) -> list[tuple[int, int, float, str]]:
    """What people said of judgments on training prompts: comparison, judgment, soft label and text, by judgment.

    Reasons that are empty or erased are left out, and those of amended judgments.
    """
    found = Judgment.objects.filter(
        pk__in=judgments, amended_by__isnull=True, reason__isnull=False, reason__erased_at__isnull=True
    ).exclude(_HELD_OUT)
    rows = found.order_by("pk").values_list("comparison_id", "pk", "answer", "strength", "reason__text")
    labelled = ((of, pk, probability(answer, strength), text.strip()) for of, pk, answer, strength, text in rows)
    return [(of, pk, label, text) for of, pk, label, text in labelled if label is not None and text]


def verdicts_of(comparisons: Collection[int]) -> list[Verdict]:
    """For the gate: everybody's latest judgment of these comparisons, whatever their split."""
    return list(_verdicts(Judgment.objects.filter(comparison__in=comparisons, amended_by__isnull=True)))


def measured_verdicts(project: Project, arms: Iterable[str] = (Arm.RANDOM, Arm.DUEL)) -> list[Verdict]:
    """For the leaderboard and reports: latest judgments on the arms that no score had a say in, both splits."""
    found = Judgment.objects.filter(
        project=project, comparison__arm__in=list(arms), comparison__kind="pair", amended_by__isnull=True
    ).exclude(source=Source.REWARD_MODEL)
    return list(_verdicts(found.order_by("id")))


@dataclass(frozen=True)
class Reported:
    """For reports: judgments that count, whatever their split and arm, and which prompts among them are held out."""

    verdicts: list[Verdict]
    held_out: frozenset[int]


def reported_verdicts(project: Project) -> Reported:
    """For reports: the latest judgments of pairs on every arm, both splits, and the prompts that are held out.

    A judgment of no weight says nothing, here as in a snapshot.
    """
    dropped = ComparisonResponse.objects.filter(comparison=OuterRef("comparison"), response__dropped_at__isnull=False)
    withdrawn = Report.objects.filter(comparison=OuterRef("comparison"), decision="withdrawn")
    found = Judgment.objects.filter(
        ~Exists(dropped),
        ~Exists(withdrawn),
        project=project,
        comparison__kind="pair",
        amended_by__isnull=True,
        weight__gt=0,
    ).exclude(source=Source.REWARD_MODEL)
    held_out = found.filter(_HELD_OUT).values_list("comparison__prompt_id", flat=True).distinct()
    return Reported(list(_verdicts(found.order_by("id"))), frozenset(held_out))


def rows_of(verdicts: list[Verdict]) -> list[PreferenceRow]:
    """For reports and predictions only: a line for each judgment that says anything, in order; weights > 0.

    Whatever its split: no training reads them.
    """
    sure = [verdict for verdict in verdicts if verdict.p is not None]
    texts = _texts(sure)
    return [_row([verdict], texts) for verdict in sure]


def _verdicts(found: QuerySet[Judgment]) -> Iterator[Verdict]:
    """Read judgments in batches, with the responses of their comparisons: two queries a batch."""
    fields = (
        "id",
        "comparison_id",
        "answer",
        "strength",
        "weight",
        "source",
        "amends_id",
        "person_id",
        "late",
        "transaction_id",
    )
    rows = iter(
        found.annotate(prompt=F("comparison__prompt_id"), arm=F("comparison__arm"))
        .values(*fields, "prompt", "arm")
        .iterator(chunk_size=_BATCH)
    )
    while batch := list(islice(rows, _BATCH)):
        pairs = _pairs({row["comparison_id"] for row in batch})
        for row in batch:
            yield _verdict(row, pairs[row["comparison_id"]])


def _verdict(row: dict[str, Any], responses: tuple[int, int]) -> Verdict:
    return Verdict(
        id=row["id"],
        comparison=row["comparison_id"],
        prompt=row["prompt"],
        responses=responses,
        p=probability(row["answer"], row["strength"]),
        strength=row["strength"],
        weight=row["weight"],
        source=row["source"],
        arm=row["arm"],
        amends=row["amends_id"],
        person=row["person_id"],
        late=row["late"],
        written=row["transaction_id"],
    )


def _pairs(comparisons: Collection[int]) -> dict[int, tuple[int, int]]:
    """The responses at positions 0 and 1 of each comparison."""
    entries = ComparisonResponse.objects.filter(comparison__in=comparisons).order_by("comparison_id", "position")
    listed = entries.values_list("comparison_id", "response_id")
    grouped = {key: [response for _, response in rows] for key, rows in groupby(listed, key=lambda row: row[0])}
    return {key: (found[0], found[1]) for key, found in grouped.items()}


def take_snapshot(project: Project) -> Snapshot:
    """Freeze the training judgments of now into a file named by its content's hash. The same content is one row.

    One line is one comparison under one source: several people's judgments of it become one soft label, their
    weighted mean, with the sum of their weights. That is the same likelihood as a line for each of them, and the
    pair passes through the model once; sources stay apart, because a reader may want only some. Lines of other kinds
    follow: what imports tell of single responses.
    Raises NothingToTrainOn when nothing could teach anything.
    """
    mark = mark_now()
    counts: Counter[str] = Counter()
    used: list[int] = []
    folder = project_folder(project, "snapshots")
    draft = folder / f"draft-{mark}.jsonl"
    rows = write_rows(draft, chain(_rows(project, mark, counts, used), _told_alone(project, counts)))
    if not rows:
        draft.unlink()
        raise NothingToTrainOn("No judgment on a training prompt prefers anything yet: judge some pairs first.")
    digest = hashlib.sha256(draft.read_bytes()).hexdigest()
    final = folder / f"{digest}.jsonl"
    draft.chmod(0o444)
    draft.replace(final)
    return _stored_snapshot(project, digest, final, rows=rows, counts=counts, used=used, mark=mark)


def _stored_snapshot(
    project: Project, digest: str, path: Path, *, rows: int, counts: Counter[str], used: list[int], mark: int
) -> Snapshot:
    values = {
        "path": stored(path),
        "rows": rows,
        "counts": dict(sorted(counts.items())),
        "judgment_ids": sorted(used),
        "watermark": mark,
    }
    try:
        with transaction.atomic():
            return Snapshot.objects.create(project=project, digest=digest, **values)
    except IntegrityError:
        return Snapshot.objects.get(project=project, digest=digest)


def _rows(project: Project, mark: int, counts: Counter[str], used: list[int]) -> Iterator[PreferenceRow]:
    """The lines, by comparison and source; fills `counts` and `used` on the way."""
    ordered = _training(project, mark).order_by("comparison_id", "source", "id")
    counts["left out: not a pair"] += ordered.exclude(comparison__kind="pair").count()
    told = _verdicts(ordered.filter(comparison__kind="pair"))
    lines = ((key, list(group)) for key, group in groupby(told, key=lambda v: (v.comparison, v.source)))
    while batch := list(islice(lines, _BATCH)):
        texts = _texts([group[0] for _, group in batch])
        for _, group in batch:
            sure = [verdict for verdict in group if verdict.p is not None and verdict.weight > 0]
            counts["left out: can't tell or no weight"] += len(group) - len(sure)
            if sure:
                used.extend(verdict.id for verdict in sure)
                row = _row(sure, texts)
                _count(counts, sure, row)
                yield row


def _count(counts: Counter[str], group: list[Verdict], row: PreferenceRow) -> None:
    counts[f"judgments by {group[0].source}"] += len(group)
    counts[f"comparisons of arm {group[0].arm}"] += 1
    counts["ties and split votes"] += row.p == 0.5


@dataclass(frozen=True)
class _Texts:
    prompts: dict[int, list[Message]]
    responses: dict[int, list[Message]]
    beside: dict[int, dict[str, Any]]  # by comparison: the columns of a row that hold more than a verdict


def _texts(verdicts: list[Verdict]) -> _Texts:
    """The prompts and responses of a batch, and what was said beside its verdicts: three queries."""
    prompts = Prompt.objects.filter(pk__in={verdict.prompt for verdict in verdicts})
    responses = Response.objects.filter(pk__in={pk for verdict in verdicts for pk in verdict.responses})
    beside = Comparison.objects.filter(MORE_THAN_A_VERDICT, pk__in={verdict.comparison for verdict in verdicts})
    return _Texts(
        {pk: _plain(messages) for pk, messages in prompts.values_list("pk", "messages")},
        {pk: _plain(messages) for pk, messages in responses.values_list("pk", "messages")},
        {pk: _more(criterion, details) for pk, criterion, details in beside.values_list("pk", "criterion", "details")},
    )


def _more(criterion: str, details: dict[str, list[Any]]) -> dict[str, Any]:
    """The columns of a row that hold what was said beside its verdict; what nobody said of a response is empty."""
    empty: dict[str, Any] = {"ratings": {}, "steps": [], "critiques": ""}
    sides = {name: [*(told or ()), None, None][:2] for name, told in details.items() if name in empty}
    whole = {name: tuple(one or empty[name] for one in both) for name, both in sides.items()}
    return {"criterion": criterion, **whole}


def _plain(messages: list[dict[str, Any]]) -> list[Message]:
    return [Message(role=str(turn["role"]), content=str(turn["content"])) for turn in messages]


def _row(group: list[Verdict], texts: _Texts) -> PreferenceRow:
    """One line from the judgments of one comparison under one source; every `p` is known, every weight > 0."""
    first = group[0]
    weight = sum(verdict.weight for verdict in group)
    label = sum(verdict.weight * float(verdict.p or 0.0) for verdict in group) / weight
    return PreferenceRow(
        comparison_id=first.comparison,
        prompt=texts.prompts[first.prompt],
        responses=(texts.responses[first.responses[0]], texts.responses[first.responses[1]]),
        response_ids=first.responses,
        p=min(max(label, 0.0), 1.0),
        strength=_strength(group, label),
        weight=weight,
        source=first.source,
        judgment_ids=tuple(verdict.id for verdict in group),
        **texts.beside.get(first.comparison, {}),
    )


def _told_alone(project: Project, counts: Counter[str]) -> Iterator[PreferenceRow]:
    """Lines of single responses, by comparison: what was said of them, and those that show how to answer."""
    found = _on_training(project).filter(kind__in=ALONE)
    found = found.filter(responses__isnull=False, responses__dropped_at__isnull=True).order_by("pk")
    fields = ("pk", "kind", "criterion", "details", "prompt__messages", "responses__pk", "responses__messages")
    for pk, kind, criterion, details, prompt, response, messages in found.values_list(*fields).iterator(_BATCH):
        counts[f"{kind}s"] += 1
        yield PreferenceRow(
            comparison_id=pk,
            prompt=_plain(prompt),
            responses=(_plain(messages), []),
            response_ids=(response, None),
            p=1.0 if kind == Kind.DEMONSTRATION else 0.5,
            strength=None,
            weight=1.0,
            source=Source.IMPORT,
            judgment_ids=(),
            kind=kind,
            **_more(criterion, details),
        )


def carried(project: Project) -> frozenset[Need]:
    """What the training side of a project carries for reward methods that learn from more than verdicts.

    Responses that were dropped since are not looked for: a run that finds nothing else says so.
    """
    here = _on_training(project).filter(MORE_THAN_A_VERDICT)
    pairs = Q(kind=Kind.PAIR)
    named = pairs & ~Q(criterion="")
    # The least and the greatest tell that there are two; counting distinct ones would sort all rows.
    told = here.aggregate(
        ratings=Count("pk", filter=Q(details__has_key="ratings")),
        steps=Count("pk", filter=Q(details__has_key="steps")),
        critiques=Count("pk", filter=Q(details__has_key="critiques") & pairs),
        demonstrations=Count("pk", filter=Q(kind=Kind.DEMONSTRATION)),
        least=Min("criterion", filter=named),
        greatest=Max("criterion", filter=named),
    )
    single: tuple[Need, ...] = ("ratings", "steps", "critiques", "demonstrations")
    several: tuple[Need, ...] = ("criteria",) if told["least"] != told["greatest"] else ()
    return frozenset(need for need in single if told[need]).union(several)


def _strength(group: list[Verdict], label: float) -> int | None:
    """The mean strength to the nearest step; None where nobody gave one or it contradicts the soft label."""
    known = [verdict.strength for verdict in group if verdict.strength is not None]
    if not known:
        return None
    mean = sum(known) / len(known)
    nearest = int(abs(mean) + 0.5) * (1 if mean > 0 else -1)
    side = (label > 0.5) - (label < 0.5)
    return nearest if (nearest > 0) - (nearest < 0) == side else None
