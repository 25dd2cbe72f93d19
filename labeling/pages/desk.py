"""What the judging templates show, as plain values; the templates only lay it out."""

import time
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache

from django.template.loader import render_to_string
from django.utils.safestring import SafeString

from labeling.kinds import pair
from labeling.models import Judgment
from labeling.models.judgments import Answer
from labeling.queries.next_comparison import JudgingPage, Messages, Progress, ShownResponse
from labeling.text.render import render

ROLES = {"user": "Person", "assistant": "Assistant", "system": "System"}
LONG_RESPONSE = 24_000  # characters, about 4,000 words; both columns then open in place
LONG_PROMPT = 2_500
LONG_HISTORY = 1_200  # of the messages before the last one
SHORT_PROMPT = 400  # a single short request is set larger


@dataclass(frozen=True)
class Turn:
    """One message of a conversation."""

    role: str
    name: str
    html: SafeString
    long: bool


@dataclass(frozen=True)
class Column:
    """One response."""

    side: str
    css: str
    html: SafeString
    turns: tuple[Turn, ...]  # of a response of several messages; else empty
    long: bool


@dataclass(frozen=True)
class Step:
    """One button of the verdict bar. `words` are (text, left out where space is short)."""

    answer: int
    css: str
    words: tuple[tuple[str, bool], ...]
    chosen: bool = False


@dataclass(frozen=True)
class Recorded:
    """The verdict that has just been stored."""

    label: str
    lease_id: uuid.UUID | None
    verb: str = "Recorded"

    @property
    def is_new(self) -> bool:
        """Whether it was stored by the request that this page answers."""
        return self.verb != "Last"


@dataclass(frozen=True)
class Desk:
    """One comparison on the desk, waiting for its verdict."""

    lease_id: uuid.UUID
    question: str
    earlier: tuple[Turn, ...]
    earlier_long: bool
    last: Turn | None
    single: bool
    columns: tuple[Column, ...]
    steps: SafeString
    draft: str
    uuid: uuid.UUID
    shown: str
    seconds_left: int
    seconds_whole: int
    renewals_left: int
    superseded: bool
    progress: Progress
    guideline: SafeString
    guideline_number: int


_WORDS: dict[Answer, tuple[str, tuple[tuple[str, bool], ...]]] = {
    Answer.A_MUCH: ("a much", (("A", False), ("is", True), ("much", False), ("better", True))),
    Answer.A_BETTER: ("a clear", (("A", False), ("is", True), ("better", False))),
    Answer.A_SLIGHTLY: ("a slight", (("A", False), ("is", True), ("slightly", False), ("better", True))),
    Answer.SAME: ("same", (("About the", True), ("same", False))),
    Answer.B_SLIGHTLY: ("b slight", (("B", False), ("is", True), ("slightly", False), ("better", True))),
    Answer.B_BETTER: ("b clear", (("B", False), ("is", True), ("better", False))),
    Answer.B_MUCH: ("b much", (("B", False), ("is", True), ("much", False), ("better", True))),
    Answer.BOTH_BAD: ("other both", (("Both are bad", False),)),
    Answer.CANT_TELL: ("other cant", (("Can’t tell", False),)),
}


@cache
def _steps(chosen: int | None) -> SafeString:
    """The nine buttons. Ten versions at most, each drawn once: half of the fragment's cost otherwise."""
    steps = [Step(answer.value, *_WORDS[answer], chosen=answer == chosen) for answer in (*pair.STEPS, *pair.BESIDES)]
    return render_to_string("judging/_steps.html", {"steps": steps})


def label_of(answer: int) -> str:
    """An answer in the words of its button."""
    return Answer(answer).label.replace("'", "’")


def desk_of(page: JudgingPage, *, amending: Judgment | None = None) -> Desk:
    """Lay a leased comparison out, or one that was judged already and is looked at again."""
    turns = tuple(_turn(message) for message in page.prompt)
    earlier, last = turns[:-1], turns[-1] if turns else None
    lengths = [len(message["content"]) for message in page.prompt]
    now = datetime.now(UTC)
    return Desk(
        lease_id=page.lease_id,
        question=page.question,
        earlier=earlier,
        earlier_long=sum(lengths[:-1]) > LONG_HISTORY,
        last=last,
        single=len(turns) == 1 and lengths[0] <= SHORT_PROMPT,
        columns=tuple(_column(response) for response in page.responses),
        steps=_steps(None if amending is None else amending.answer),
        draft=page.draft if amending is None else _reason_of(amending),
        uuid=uuid.uuid4(),
        shown=f"{time.time():.3f}",
        seconds_left=max(0, round((page.expires_at - now).total_seconds())),
        seconds_whole=max(1, round((page.expires_at - page.taken_at).total_seconds())),
        renewals_left=page.renewals_left,
        superseded=page.superseded,
        progress=page.progress,
        guideline=render(page.guideline),
        guideline_number=page.guideline_number,
    )


def _reason_of(judgment: Judgment) -> str:
    reason = getattr(judgment, "reason", None)
    return "" if reason is None else reason.text


def _turn(message: dict[str, str]) -> Turn:
    role = message.get("role", "")
    content = message["content"]
    return Turn(role, ROLES.get(role, role), render(content), len(content) > LONG_PROMPT)


def _column(response: ShownResponse) -> Column:
    several: Messages = response.messages if len(response.messages) > 1 else []
    text = response.text
    return Column(
        side=response.side,
        css=response.side.lower(),
        html=render(text),
        turns=tuple(_turn(message) for message in several),
        long=sum(len(message["content"]) for message in response.messages) > LONG_RESPONSE,
    )
