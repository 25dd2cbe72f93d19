"""The project page: watching it learn. Its parts re-fetch themselves when a socket says "look again"."""

from collections.abc import Mapping
from math import log
from typing import Any

from django.http import HttpResponse

from labeling.charts.svg import Bar, Point, Series, bar_chart, line_chart
from labeling.pages.doors import ProjectRequest, project_page, project_render
from labeling.queries.leaderboard import Standing, leaderboard
from training.queries.overview import Gate, Prequential, overview

NAMES = {"posterior": "Posterior", "length": "Length alone"}


@project_page()
def project(request: ProjectRequest) -> HttpResponse:
    """The whole page, or with htmx only its live part."""
    found = overview(request.project)
    standings = leaderboard(request.project)
    context: Mapping[str, Any] = {
        "overview": found,
        "accuracy_chart": accuracy_chart(found.accuracy),
        "standings": standings,
        "standings_chart": standings_chart(standings),
        "gate_chart": gate_chart(found.gate),
    }
    template = "loop/overview_live.html" if request.headers.get("HX-Request") else "loop/overview.html"
    return project_render(request, template, "overview", **context)


def accuracy_chart(models: list[Prequential]) -> str:
    """Prequential accuracy as it went, one line a model."""
    if not models:
        return ""
    tones = {"posterior": "a", "length": "faint"}
    series = [Series(NAMES[model.model], [Point(x, y) for x, y in model.curve], tones[model.model]) for model in models]
    return line_chart(
        series,
        title="Right about judgments before learning from them",
        x_label="judgments on random pairs",
        unit="%",
        reference=0.5,
        limits=(0.0, 1.0),
    )


def standings_chart(standings: list[Standing]) -> str:
    """Win rate of each later version against the first, with its interval."""
    bars = [
        Bar(f"Version {row.number}", row.win_rate, row.low, row.high, "a" if row.current else "", f"n = {row.n}")
        for row in standings
        if row.win_rate is not None and row.number != 1
    ]
    if not bars:
        return ""
    return bar_chart(bars, title="Win rate against the first version", unit="%", reference=0.5, limits=(0.0, 1.0))


def gate_chart(gate: Gate | None) -> str:
    """The bettor's log wealth after each duel; the decision lies at ln(1/α)."""
    if gate is None or len(gate.path) < 2:
        return ""
    points = [Point(place, wealth) for place, wealth in enumerate(gate.path)]
    return line_chart(
        [Series("Evidence, ln e", points, "good")],
        title="Evidence that the candidate is better",
        x_label="duels settled",
        reference=log(gate.threshold),
    )
