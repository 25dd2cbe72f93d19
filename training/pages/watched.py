"""What a policy run was watched by, as charts: likelihoods apart, margin, KL, entropy, and win rate against KL."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from django.utils.safestring import SafeString

from labeling.charts.svg import Point, Series, line_chart

Look = dict[str, float]
X_LABEL = "round"
# A chart's title, and its lines: name, what of a look it shows, tone.
CHARTS = (
    (
        "Log-likelihood of the better and the worse answer, nats",
        (("better", "logps_chosen", "good"), ("worse", "logps_rejected", "b")),
    ),
    ("Implicit reward's margin between them", (("margin", "margin", "a"),)),
    ("KL, nats", (("from the incumbent", "kl_from_incumbent", "a"), ("from the anchor", "kl_from_anchor", "ink"))),
    ("Entropy over the 20 likeliest tokens, nats", (("entropy", "entropy", "a"),)),
    ("Pairs ordered as the reward model orders them", (("share", "accuracy", "a"),)),
)


@dataclass(frozen=True)
class Watched:
    """The charts with their titles, win probability against KL, and a sentence where something is wrong."""

    charts: list[tuple[str, SafeString]]
    curve: SafeString
    alarm: str
    about: str


def watched(looks: Sequence[Look], told: dict[str, Any]) -> Watched | None:
    """From a run's looks, and what its result says of over-optimisation; None before the first look."""
    if not looks or "win_probability" not in looks[0]:
        return None
    charts = [
        (title, _lines(title, looks, lines)) for title, lines in CHARTS if any(lines[0][1] in look for look in looks)
    ]
    return Watched(charts, _curve(looks, told), told.get("alarm", ""), _about(told.get("curve")))


def _lines(title: str, looks: Sequence[Look], lines: Sequence[tuple[str, str, str]]) -> SafeString:
    series = [
        Series(name, [Point(look["step"], look[key]) for look in looks if key in look], tone, dots=True)
        for name, key, tone in lines
    ]
    same = len(series) > 1 and [p.y for p in series[0].points] == [p.y for p in series[1].points]
    unit = "%" if lines[0][1] == "accuracy" else ""
    return line_chart(series[:1] if same else series, title=title, x_label=X_LABEL, unit=unit)


def _curve(looks: Sequence[Look], told: dict[str, Any]) -> SafeString:
    """Points with two standard errors, and the fitted curve where the points allow one."""
    points = [Point(max(look["kl_from_incumbent"], 0.0), look["win_probability"], *_around(look)) for look in looks]
    series = [Series("looks", points, "a", joined=False)]
    if fitted := told.get("curve"):
        kl = np.linspace(0.0, max(point.x for point in points), 60)
        from training.learning.evaluation.overoptimisation import drawn  # scipy costs a second; few runs are looked at

        rise = drawn(fitted, kl) + told["start"]
        series.append(Series("fitted", [Point(float(x), float(y)) for x, y in zip(kl, rise, strict=True)], "ink"))
    title = "Win probability against KL from the incumbent"
    return line_chart(series, title=title, x_label="KL, nats", unit="%", reference=0.5)


def _around(look: Look) -> tuple[float, float]:
    half = 2.0 * look["win_probability_se"]
    return max(look["win_probability"] - half, 0.0), min(look["win_probability"] + half, 1.0)


def _about(curve: dict[str, Any] | None) -> str:
    """The fitted coefficients in words."""
    if not curve:
        return "Too few looks for a curve."
    said = f"R = d(α − β·log d), d = √KL: α {_interval(curve, 'alpha')}, β {_interval(curve, 'beta')}"
    peak = curve["peak_kl"]
    return (
        f"{said}; its peak lies at KL {peak:.1f}." if peak is not None and peak < 1e4 else f"{said}; no peak in reach."
    )


def _interval(curve: dict[str, Any], name: str) -> str:
    ends = [curve[f"{name}_low"], curve[f"{name}_high"]]
    known = " to ".join("?" if end is None else f"{end:.2f}" for end in ends)
    return f"{curve[name]:.2f} ({known})"
