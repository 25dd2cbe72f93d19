"""The training plan: which examples, in which order, cut into which batches. A pure function of the seed."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate, islice
from typing import Any, overload

from training.learning.batches import Batch, Layout, collate
from training.learning.starter.corpus import Example, write_examples
from training.learning.starter.tokenizer import ASSISTANT, END, USER
from training.learning.text import Group

STEPS_A_CHUNK = 64  # steps whose examples are sorted by length together, so that little is padding
_PLAIN = Layout(tree=False, hidden=1)


@dataclass(frozen=True)
class Lesson:
    """One batch and the step it belongs to."""

    step: int
    batch: Batch


def encode(tokenizer: Any, examples: Sequence[Example]) -> list[Group]:
    """Examples as token ids, the same as the chat template gives (held to it by a test) but a hundred times faster."""
    user, assistant, end = (tokenizer.convert_tokens_to_ids(token) for token in (USER, ASSISTANT, END))
    prompts = tokenizer([example.prompt for example in examples], add_special_tokens=False)["input_ids"]
    answers = tokenizer([example.answer for example in examples], add_special_tokens=False)["input_ids"]
    return [
        Group((user, *prompt, end, assistant), ((*answer, end),))
        for prompt, answer in zip(prompts, answers, strict=True)
    ]


def _length(group: Group) -> int:
    return len(group.prompt) + len(group.responses[0])


class Lessons(Sequence[list[Lesson]]):
    """`total` steps of `batch_size` examples on average; every example is new. Made when asked for, chunk by chunk."""

    def __init__(self, tokenizer: Any, *, seed: int, total: int, batch_size: int) -> None:
        self.tokenizer = tokenizer
        self.seed = seed
        self.total = total
        self.batch_size = batch_size
        self._chunk = lru_cache(maxsize=2)(self._make_chunk)

    def __len__(self) -> int:
        return self.total

    @overload
    def __getitem__(self, step: int) -> list[Lesson]: ...
    @overload
    def __getitem__(self, step: slice) -> Sequence[list[Lesson]]: ...
    def __getitem__(self, step: int | slice) -> list[Lesson] | Sequence[list[Lesson]]:
        """The single micro-batch of a step."""
        if isinstance(step, slice):
            return [self[i] for i in range(*step.indices(self.total))]
        if not 0 <= step < self.total:
            raise IndexError(f"step {step} of {self.total}")
        groups = self._chunk(step // STEPS_A_CHUNK)[step % STEPS_A_CHUNK]
        return [Lesson(step, collate(groups, _PLAIN))]

    def _make_chunk(self, chunk: int) -> list[list[Group]]:
        """The batches of one chunk: like lengths together, as many tokens in each, in random order."""
        examples = list(islice(write_examples(f"{self.seed}/{chunk}"), STEPS_A_CHUNK * self.batch_size))
        groups = sorted(encode(self.tokenizer, examples), key=_length)
        ends = list(accumulate(map(_length, groups)))
        batches: list[list[Group]] = [[] for _ in range(STEPS_A_CHUNK)]
        for group, end in zip(groups, ends, strict=True):
            batches[min(STEPS_A_CHUNK * (end - 1) // ends[-1], STEPS_A_CHUNK - 1)].append(group)
        random.Random(f"{self.seed}/{chunk}").shuffle(batches)  # noqa: S311 - an order, not a secret
        return batches

    def examples(self, steps: int) -> Iterator[Example]:
        """What the first `steps` steps (whole chunks) are made from."""
        for chunk in range(-(-steps // STEPS_A_CHUNK)):
            yield from islice(write_examples(f"{self.seed}/{chunk}"), STEPS_A_CHUNK * self.batch_size)
