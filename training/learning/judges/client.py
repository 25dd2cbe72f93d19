"""The one client of OpenAI-compatible chat completions: judges, critiques, tool traces and reward code go through it.

Bounded in everything: time, size, tries, requests at once, requests and tokens in all. What it cannot do it says in
words, and the key stands in no message, log line or file.
"""

import json
import random
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import Any

from ..rows import Message
from .answers import AnswerFiles, content_key
from .budget import Budget
from .endpoint import Endpoint
from .reading import Answer, read_answer
from .transport import Reply, Unreachable, post
from .trouble import JudgeTrouble, NoUsableAnswer
from .waiting import RETRIED, retry_after, seconds_to_wait

PATH = "/chat/completions"
TOLD = 300  # characters of a server's own words in an error
LOOK = 0.5  # seconds without an answer after which a pass looks up
OF_THE_QUESTION = (400, 413, 422)  # what a server refuses a text with, a filtered or a long one; others it may take


@dataclass(frozen=True)
class Question:
    """What is asked: messages, how the answer is drawn (``draw`` tells draws of one question apart, and is sent as
    the seed), the most tokens of the answer, and whether it is to be one JSON object."""

    messages: tuple[Message, ...]
    temperature: float = 0.0
    max_tokens: int = 512
    draw: int = 0
    as_json: bool = False

    def body(self, model: str) -> dict[str, Any]:
        """The request as JSON values."""
        asked: dict[str, Any] = {
            "model": model,
            "messages": [dict(message) for message in self.messages],
            "temperature": self.temperature,
            "max_tokens": self.max_tokens,
            "seed": self.draw,
        }
        return {**asked, "response_format": {"type": "json_object"}} if self.as_json else asked

    @property
    def most_tokens(self) -> int:
        """The most tokens that it can take: a token is at least a byte of what is read."""
        return self.max_tokens + sum(len(message["content"].encode("utf-8", "replace")) for message in self.messages)


Heard = Answer | NoUsableAnswer
Listen = Callable[[Heard | None], None]


def ignore(heard: Heard | None) -> None:
    """For a pass that nobody listens to."""


class ChatClient:
    """Asks one endpoint. Safe to call from several threads; ``answers`` keeps what was answered once."""

    def __init__(
        self,
        endpoint: Endpoint,
        answers: AnswerFiles | None = None,
        *,
        sleep: Callable[[float], object] | None = None,
        chance: random.Random | None = None,
    ) -> None:
        self.endpoint = endpoint
        self.budget = Budget(endpoint)
        self._answers = answers
        self._sleep = sleep
        self._chance = chance or random.Random()  # noqa: S311 - jitter, not a secret
        self._places = threading.BoundedSemaphore(endpoint.concurrent)

    def ask(self, question: Question) -> Answer:
        """One answer, from the store where it is known. Raises JudgeTrouble or BudgetSpent, in words; NoUsableAnswer
        where only this question has none."""
        return self._ask(question, threading.Event())

    def _ask(self, question: Question, halt: threading.Event) -> Answer:
        body = question.body(self.endpoint.model)
        key = content_key({"address": self.endpoint.base_url, **body})
        known = self._answers.get(key) if self._answers else None
        if known is not None:
            return Answer(str(known["text"]), bool(known["cut"]), 0)
        answer = self._asked(json.dumps(body).encode(), question.most_tokens, halt)
        if self._answers is not None:
            self._answers.put(key, {"text": answer.text, "cut": answer.cut})
        return answer

    def ask_all(self, questions: Sequence[Question], heard: Listen = ignore) -> list[Heard]:
        """Answers in the order of the questions, ``concurrent`` at a time; where a question has none, why.

        ``heard`` is told each as it comes, and None where a while passed without one: what it raises ends the pass, as
        any other trouble does. Requests under way are then waited for, and not tried again.
        """
        halt, came = threading.Event(), SimpleQueue[Future[Heard]]()
        with ThreadPoolExecutor(self.endpoint.concurrent, thread_name_prefix="judge") as pool:
            waiting = [pool.submit(self._heard, question, halt) for question in questions]
            try:
                for one in waiting:
                    one.add_done_callback(came.put)
                for _ in waiting:
                    heard(_next(came, heard).result())
                return [one.result() for one in waiting]
            except BaseException:
                halt.set()
                pool.shutdown(wait=False, cancel_futures=True)
                raise

    def _heard(self, question: Question, halt: threading.Event) -> Heard:
        try:
            return self._ask(question, halt)
        except NoUsableAnswer as why:
            return why

    def _asked(self, body: bytes, most_tokens: int, halt: threading.Event) -> Answer:
        for attempt in range(self.endpoint.attempts):
            with self._places:
                reply = self._tried(body, most_tokens)
            if isinstance(reply, Answer):
                return reply
            asked_for = retry_after(reply.retry_after) if isinstance(reply, Reply) else None
            wait = seconds_to_wait(attempt, asked_for, self.endpoint, self._chance)
            if wait is not None:
                (self._sleep or halt.wait)(wait)
            if wait is None or halt.is_set():
                raise JudgeTrouble(self._given_up(reply, attempt + 1, asked_for)) from None
        raise AssertionError("the last try returns or raises")

    def _tried(self, body: bytes, most_tokens: int) -> Answer | Reply | Unreachable:
        """One request: its answer, or what went wrong where asking again may help."""
        self.budget.reserve(most_tokens)
        used = 0
        try:
            reply = post(self.endpoint, PATH, body)
            if reply.status in RETRIED:
                return reply
            if reply.status != 200:
                raise (NoUsableAnswer if reply.status in OF_THE_QUESTION else JudgeTrouble)(self._refused(reply))
            answer = read_answer(reply.body, self.endpoint)
            used = answer.tokens or most_tokens
        except Unreachable as trouble:
            return trouble
        finally:
            self.budget.settle(most_tokens, used)
        return answer

    def _given_up(self, last: Reply | Unreachable, tries: int, asked_for: float | None) -> str:
        if isinstance(last, Unreachable):
            return f"{last} (tried {tries} times)"
        if asked_for is not None and asked_for > self.endpoint.longest_wait:
            longest = self.endpoint.longest_wait
            return f"{self.endpoint.shown} asks to wait {asked_for:.0f} s, and longest_wait is {longest:.0f} s"
        return f"{self._refused(last)} (tried {tries} times)"

    def _refused(self, reply: Reply) -> str:
        hints = {
            401: "check the key",
            403: "the key may not use this model",
            404: "check the address and the name of the model",
            413: "the text is too long for it",
            429: "it is asked too much at once, or its quota is spent",
        }
        hint = hints.get(reply.status)
        return f"{self.endpoint.shown} refused with {reply.status}{f' ({hint})' if hint else ''}: {self._said(reply)}"

    def _said(self, reply: Reply) -> str:
        """The server's own words, on one line, cut, and without the key where it repeats it."""
        text = reply.body.decode("utf-8", "replace")
        if self.endpoint.key:
            text = text.replace(self.endpoint.key, "[key]")
        line = " ".join("".join(mark if mark.isprintable() else " " for mark in text).split())
        return line[:TOLD] or "it said nothing"


def _next(came: SimpleQueue[Future[Heard]], heard: Listen) -> Future[Heard]:
    while True:
        try:
            return came.get(timeout=LOOK)
        except Empty:
            heard(None)
