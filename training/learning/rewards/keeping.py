"""Which judgments a training does not see, so that something can be chosen or measured on them."""

import hashlib
import json
from collections import Counter
from collections.abc import Sequence

from ..rows import PreferenceRow

KEPT_BACK = 0.15  # of the prompts
FEWEST_KEPT_BACK = 12  # judgments; below it nothing is kept back and the plan is followed to its end
MOST_APART = 1 / 3  # of the judgments: what is chosen by them is worth no more


def keep_back(rows: Sequence[PreferenceRow]) -> tuple[list[PreferenceRow], list[PreferenceRow]]:
    """Split by prompt, by a hash of it, so that no prompt stands on both sides and a resume splits alike.

    Returns the rows to learn from and those kept back. Whether a prompt is kept back depends on no other.
    """
    share = {key: int.from_bytes(_digest(key)[:8], "big") / 2**64 for key in map(_key, rows)}
    kept = [row for row in rows if share[_key(row)] < KEPT_BACK]
    if len(kept) < FEWEST_KEPT_BACK or len(kept) == len(rows):
        return list(rows), []
    return [row for row in rows if share[_key(row)] >= KEPT_BACK], kept


def set_apart(rows: Sequence[PreferenceRow], purpose: str) -> tuple[list[PreferenceRow], list[PreferenceRow]]:
    """As ``keep_back``, of what that left, for one purpose: the fewest prompts, two or more, that hold enough.

    Nothing is set apart where that would take more than a third of them.
    """
    counted = Counter(map(_key, rows))
    wanted, found = max(FEWEST_KEPT_BACK, KEPT_BACK * len(rows)), 0
    chosen: set[str] = set()
    for key in sorted(counted, key=lambda key: _digest(purpose + key)):
        if found >= wanted and len(chosen) > 1:
            break
        chosen.add(key)
        found += counted[key]
    if len(chosen) < 2 or not wanted <= found <= MOST_APART * len(rows):
        return list(rows), []
    return [row for row in rows if _key(row) not in chosen], [row for row in rows if _key(row) in chosen]


def _key(row: PreferenceRow) -> str:
    return json.dumps(row.prompt, sort_keys=True)


def _digest(key: str) -> bytes:
    return hashlib.sha256(key.encode()).digest()
