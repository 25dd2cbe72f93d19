"""How much of two responses is the same from the start: what tree-structured data has and chains have not."""

from collections.abc import Sequence
from typing import Any

from ...rows import PreferenceRow


def shared_words(row: PreferenceRow) -> int:
    """With how many equal words both responses begin."""
    first, second = ([word for message in side for word in message["content"].split()] for side in row.responses)
    count = 0
    for ours, theirs in zip(first, second, strict=False):
        if ours != theirs:
            break
        count += 1
    return count


def told_of_trees(rows: Sequence[PreferenceRow]) -> dict[str, Any]:
    """What share of the judgments compares leaves with a common beginning, and how long that is on average."""
    shared = [shared_words(row) for row in rows]
    alike = [count for count in shared if count]
    return {
        "pairs_with_a_common_beginning": len(alike) / max(len(shared), 1),
        "words_in_common": sum(alike) / max(len(alike), 1),
    }
