"""A judge's answers to a whole run: those that cannot be used are left out, counted and told; too many end it."""

import re
from collections.abc import Callable, Sequence
from typing import Any

from ...job import ShouldStop, Stopped
from ...judges import Answer, ChatClient, JudgeTrouble, NoUsableAnswer, Question
from ...judges.client import Heard
from ..lesson import Lesson

MOST = 0.2  # of the texts that are asked for; one is never too many
REASONS = 3  # told in a run's result
SENTENCES = re.compile(r".*(?:[。！？][”’」』）]*|[.!?…][\"”’»')\]]*(?=\s|$))", re.DOTALL)
Read = Callable[[Answer], str]


class Hearing:
    """Asks for ``total`` texts in a run, and counts those that there are not.

    Raises JudgeTrouble once more than the share ``most`` of them cannot be had, and Stopped between answers when the
    run is to stop.
    """

    def __init__(self, client: ChatClient, total: int, should_stop: ShouldStop, most: float = MOST) -> None:
        self.client, self.total, self.should_stop, self.most = client, total, should_stop, most
        self.unusable = 0
        self._reasons: dict[str, None] = {}

    def look_up(self, heard: Heard | None = None) -> None:
        """Between answers, whatever they were. Raises Stopped."""
        if self.should_stop():
            raise Stopped

    def lost(self, why: NoUsableAnswer) -> None:
        """One text more that cannot be used. Raises JudgeTrouble where that is one too many."""
        self.unusable += 1
        self._reasons[str(why)] = None
        if self.unusable > max(1.0, self.most * self.total):
            raise JudgeTrouble(
                f"{self.unusable} of {self.total} texts could not be had of the judge, and more than {self.most:.0%} "
                f"of them is too many to go on. The last reason: {why}"
            )

    def texts(self, questions: Sequence[Question], read: Read) -> list[str | None]:
        """The text of each answer as ``read`` takes it (NoUsableAnswer where it cannot); None where there is none."""
        found: list[str | None] = []

        def usable(heard: Heard) -> str:
            if isinstance(heard, NoUsableAnswer):
                raise heard
            return read(heard)

        def told(heard: Heard | None) -> None:
            self.look_up()
            try:
                usable(heard) if heard else None
            except NoUsableAnswer as why:
                self.lost(why)

        for heard in self.client.ask_all(questions, told):
            try:
                found.append(usable(heard))
            except NoUsableAnswer:
                found.append(None)
        return found

    def tell(self, lesson: Lesson) -> None:
        """Into the run's figures and its result."""
        if self.unusable:
            lesson.progress.note({"judge/unusable": float(self.unusable)})
        lesson.findings["judge"] = self.to_json()

    def to_json(self) -> dict[str, Any]:
        """What a run's result says: who was asked for how many texts, those that could not be used, some reasons."""
        asked = {"model": self.client.endpoint.model, "texts": self.total}
        return {**asked, "unusable": self.unusable, "why": list(self._reasons)[:REASONS]}


def whole_sentences(answer: Answer) -> str:
    """An answer's text; of one that was cut, the sentences that were finished. Raises NoUsableAnswer without any."""
    if not answer.cut:
        return answer.text
    finished = SENTENCES.match(answer.text)
    if not finished:
        raise NoUsableAnswer("an answer was cut at its limit of tokens before its first sentence ended")
    return finished[0]
