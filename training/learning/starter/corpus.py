"""The text the starter learns from: pairs of a prompt and an answer, made here, the same for the same seed."""

import random
from collections.abc import Iterator
from dataclasses import dataclass

from training.learning.starter.compose import Writer
from training.learning.starter.features import repeats_six_words, words
from training.learning.starter.prompts import draw_subject, word_prompt
from training.learning.starter.style import draw_style

GENERATOR_VERSION = 1
LENGTHS = range(5, 81)  # words


@dataclass(frozen=True)
class Example:
    """One request and one answer to it."""

    prompt: str
    answer: str


def write_examples(seed: int | str) -> Iterator[Example]:
    """Endless examples; every one has its own draw of prompt, topic and style."""
    rng = random.Random(f"starter corpus {GENERATOR_VERSION} {seed}")  # noqa: S311 - text, not a secret
    while True:
        domain, topic = draw_subject(rng)
        prompt = word_prompt(domain, topic, rng, held_out=False)
        answer = Writer(domain, topic, draw_style(rng), rng).write()
        while len(words(answer)) not in LENGTHS or repeats_six_words(answer):
            answer = Writer(domain, topic, draw_style(rng), rng).write()
        yield Example(prompt, answer)
