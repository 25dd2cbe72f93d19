"""The shape of what the starter's generator knows about a subject.

Every step is a bare verb phrase ("wash the apples first") or, for facts, a bare statement, so that any frame
("You can …", "Perhaps …", "First, …") can carry it. The steps of a domain stand in the order in which they
are used: an answer takes an increasing subset, so a small model never has to remember which it has used.
"""

from dataclasses import dataclass, field
from typing import Literal

Kind = Literal["steps", "facts"]


@dataclass(frozen=True)
class Step:
    """One idea, worded with short words, with long words, and with a number in it."""

    plain: tuple[str, ...]
    formal: tuple[str, ...]
    number: tuple[str, ...] = ()


@dataclass(frozen=True)
class Voices:
    """The same sort of phrase in two registers."""

    plain: tuple[str, ...]
    formal: tuple[str, ...]


@dataclass(frozen=True)
class Topic:
    """What a prompt is about: a noun phrase and two details the steps may name. Facts bring their own steps."""

    name: str
    a: str = ""
    b: str = ""
    steps: tuple[Step, ...] = ()


@dataclass(frozen=True)
class Domain:
    """A family of topics which share steps, reasons, warnings and questions."""

    name: str
    kind: Kind
    topics: tuple[Topic, ...]
    training_templates: tuple[str, ...]
    held_out_templates: tuple[str, ...]
    reasons: Voices
    warnings: Voices
    questions: Voices  # asked back without addressing the reader
    questions_to_you: Voices
    steps: tuple[Step, ...] = field(default=())

    def steps_for(self, topic: Topic) -> tuple[Step, ...]:
        """The steps an answer about `topic` may use, in order."""
        return topic.steps or self.steps
