"""The kind of question "which of two?": nine answers, as shown, and what each says about the stored pair."""

from collections.abc import Sequence

from labeling.models.judgments import Answer

NAME = "pair"
RESPONSES = 2

# From left to right on the page, with the key of each.
STEPS: tuple[Answer, ...] = tuple(Answer(key) for key in range(1, 8))
BESIDES: tuple[Answer, ...] = (Answer.BOTH_BAD, Answer.CANT_TELL)


def check_answer(answer: int) -> Answer:
    """The answer behind a key. Raises ValueError that names the keys."""
    try:
        return Answer(answer)
    except ValueError:
        keys = ", ".join(str(one.value) for one in (*STEPS, *BESIDES))
        raise ValueError(f"{answer!r} is not an answer; the answers are {keys}.") from None


def strength_of(answer: int, order_shown: Sequence[int]) -> int | None:
    """-3..3, > 0 where the response stored at position 0 is preferred; None where no preference was said.

    The database computes the same in `Judgment.strength`.
    """
    if answer in BESIDES:
        return None
    return 4 - answer if order_shown[0] == 0 else answer - 4


def answer_of(strength: int | None, order_shown: Sequence[int]) -> Answer:
    """The key that says a strength on sides shown in this order: how simulated people and imports click."""
    if strength is None:
        return Answer.CANT_TELL
    return Answer(4 - strength if order_shown[0] == 0 else 4 + strength)
