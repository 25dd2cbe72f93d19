"""Judgments made by hand, for the tests of the measures."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from training.learning.evaluation.judgments import Judgments
from training.learning.rows import Message, PreferenceRow


def judged(
    p: Sequence[float], words: Sequence[tuple[int, int]] | None = None, prompts: Any = None, **groups: list[str]
) -> Judgments:
    count = len(p)
    return Judgments(
        p=np.array(p, dtype=float),
        prompts=list(range(count)) if prompts is None else prompts,
        words=(sizes := np.array([(10, 10)] * count if words is None else words, dtype=float)),
        characters=5 * sizes,
        groups=groups,
        strength=np.full(count, np.nan),
    )


def said(text: str, role: str = "user") -> list[Message]:
    return [Message(role=role, content=text)]


def a_row(prompt: str, first: str, second: str, p: float = 1.0, **more: Any) -> PreferenceRow:
    return PreferenceRow(
        comparison_id=None,
        prompt=said(prompt),
        responses=(said(first, "assistant"), said(second, "assistant")),
        response_ids=(None, None),
        p=p,
        strength=more.get("strength"),
        weight=1.0,
        source=more.get("source", "person"),
        judgment_ids=(),
    )
