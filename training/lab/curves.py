"""What `lab overoptimise` measured, as points with intervals, fitted curves and a picture."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labeling.charts.svg import Point, Series, line_chart
from training.learning.evaluation.intervals import clustered_mean
from training.learning.evaluation.overoptimisation import drawn, fit_curve, kl_of_best_of

Array = NDArray[np.float64]
DRAWS = 400
NAMES = {"single": "single", "mean": "mean", "min": "WCO (min)", "mean_minus_var": "UWO"}
TONES = {"single": "b", "mean": "ink", "min": "good", "mean_minus_var": "a"}


def curves(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """``best_of_n`` and ``policy``: of each rule its points, over all seeds, and its fitted curve."""
    chosen = [row for row in rows if row["what"] == "best_of_n"]
    trained = [row for row in rows if row["what"] != "best_of_n"]
    picked: dict[str, list[list[dict[str, Any]]]] = {}
    for row in chosen:
        for rule in dict.fromkeys(point["rule"] for point in row["points"]):
            mine = [{**point, "kl": float(kl_of_best_of(point["n"]))} for point in row["points"]]
            picked.setdefault(rule, []).append([point for point in mine if point["rule"] == rule])
    learned: dict[str, list[list[dict[str, Any]]]] = {}
    for row in trained:
        learned.setdefault(row["what"], []).append(row["points"])
    return {
        "best_of_n": [told(rule, runs, "best_of_n") for rule, runs in picked.items()],
        "policy": [told(rule, runs, "rl") for rule, runs in learned.items()],
    }


def told(rule: str, runs: Sequence[Sequence[dict[str, Any]]], form: str) -> dict[str, Any]:
    """One rule's points and curve. Intervals are clustered by prompt: seeds share the held-out prompts."""
    gold_SnP = np.array([[point["gold"] for point in run] for run in runs])
    kl_n, proxy_n = (np.mean([[point[name] for point in run] for run in runs], axis=0) for name in ("kl", "proxy"))
    count = gold_SnP.shape[2]
    points = []
    for place, (kl, proxy) in enumerate(zip(kl_n, proxy_n, strict=True)):
        values = gold_SnP[:, place].ravel()
        found = clustered_mean(values, [prompt for _ in runs for prompt in range(count)])
        same: dict[str, float] = {name: runs[0][place][name] for name in ("n", "round") if name in runs[0][place]}
        gold = {"gold": found.value, "gold_low": found.low, "gold_high": found.high}
        points.append({**same, "kl": float(kl), **gold, "proxy": float(proxy)})
    gold_nP = gold_SnP.mean(0)
    picks = np.random.default_rng(0).integers(0, count, (DRAWS, count))
    curve = fit_curve(kl_n, gold_nP.mean(1), form, replicates=gold_nP[:, picks].mean(2).T)
    return {"rule": rule, "seeds": len(runs), "points": points, "curve": curve and curve.to_json()}


def plots(result: dict[str, Any], about: str) -> list[tuple[str, str]]:
    """True reward against KL, points and fitted curves: best of n, then training."""
    titles = {"best_of_n": "Best of n", "policy": "Training on the proxy"}
    charts = []
    for what, words in titles.items():
        if result[what]:
            title = f"{words}: true reward gained, {about}"
            charts.append((title, _chart(result[what], title)))
    return charts


def _chart(lines: Sequence[dict[str, Any]], title: str) -> str:
    series: list[Series] = []
    upto = max(point["kl"] for line in lines for point in line["points"])
    for place, line in enumerate(lines):
        tone, aside = TONES[line["rule"]], 0.006 * upto * (place - 1.5)  # so that whiskers do not hide each other
        points = [
            Point(point["kl"] + aside, point["gold"], point["gold_low"], point["gold_high"]) for point in line["points"]
        ]
        series.append(Series(NAMES[line["rule"]], points, tone, joined=False))
        if line["curve"]:
            series.append(Series("", _drawn(line["curve"], max(point["kl"] for point in line["points"])), tone))
    return line_chart(series, title=title, x_label="KL from the starter, nats", reference=0.0, height=280)


def _drawn(curve: dict[str, Any], upto: float) -> list[Point]:
    """A fitted curve from 0 to the last point."""
    kl = np.linspace(0.0, upto, 60)
    return [Point(float(x), float(y)) for x, y in zip(kl, drawn(curve, kl), strict=True)]
