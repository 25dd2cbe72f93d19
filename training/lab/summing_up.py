"""What several seeds of each method come to, and its picture."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labeling.charts.svg import Mark, scatter_chart
from training.learning.evaluation.intervals import clustered_mean

LETTERS = {1.0: "w", 0.5: "t", 0.0: "l"}  # an outcome on one held-out prompt: won, tied, lost
OUTCOMES = {letter: value for value, letter in LETTERS.items()}
AVERAGED = ("seconds", "cpu_seconds", "labels", "gold", "mean_words", "ended")
Array = NDArray[np.float64]


def outcomes(ours: Array, theirs: Array) -> str:
    """One letter for each prompt, from [n] utilities of each side's response; as ``win_rate`` counts them."""
    gap = ours - theirs
    return "".join(LETTERS[0.5 if abs(one) < 1e-9 else float(one > 0)] for one in gap)


def summary(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """One line a method, best first: the interval of its win rate is clustered by prompt over all seeds."""
    keys = dict.fromkeys(row["method"] for row in rows)
    lines = [_line(key, [row for row in rows if row["method"] == key]) for key in keys]
    return sorted(lines, key=lambda line: -line.get("win_rate", -1.0))


def _line(key: str, rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    good = [row for row in rows if "error" not in row]
    failed = {"errors": [row["error"] for row in rows if "error" in row]} if len(good) < len(rows) else {}
    if not good:
        return {"method": key, "seeds": 0, **failed}
    values = [OUTCOMES[letter] for row in good for letter in row["outcomes"]]
    won = clustered_mean(values, [place for row in good for place in range(len(row["outcomes"]))])
    rates = [row["win_rate"] for row in good]

    def mean(name: str) -> float:
        return float(np.mean([row[name] for row in good if name in row]))

    return {
        "method": key,
        "seeds": len(good),
        "win_rate": won.value,
        "low": won.low,
        "high": won.high,
        "win_rate_least": min(rates),
        "win_rate_most": max(rates),
        "kl": mean("kl"),
        "kl_se": float(np.sqrt(sum(row["kl_se"] ** 2 for row in good))) / len(good),
        **{name: mean(name) for name in AVERAGED},
        **failed,
    }


def plot(lines: Sequence[dict[str, Any]], title: str) -> str:
    """Win rate against the square root of KL, which Gao et al. (2022, arXiv:2210.10760) take for distance and which
    keeps one far method from pressing all others together: one numbered mark a method, with both intervals."""
    marks = [
        Mark(
            line["method"],
            _distance(line["kl"]),
            line["win_rate"],
            (_distance(line["kl"] - 1.96 * line["kl_se"]), _distance(line["kl"] + 1.96 * line["kl_se"])),
            (line["low"], line["high"]),
        )
        for line in lines
        if "win_rate" in line
    ]
    return scatter_chart(marks, title=title, x_label="√KL from the starter, KL in nats", unit="%", reference=0.5)


def _distance(kl: float) -> float:
    return math.sqrt(max(kl, 0.0))
