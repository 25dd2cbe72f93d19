"""Charts drawn on the server: SVG whose colours come from classes (static/css/components.css).

Every chart has a title and a description that say in words what it shows, so that nobody needs to see it. Values
that are not finite are left out and counted in the description.
"""

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe

from labeling.charts.scales import Scale, drawable, readable, round_range, ticks

WIDTH = 480
TONES = ("", "a", "b", "good", "bad", "ink", "faint")


@dataclass(frozen=True)
class Bar:
    """One bar: its words, its value and, if known, the interval around it."""

    label: str
    value: float
    low: float | None = None
    high: float | None = None
    tone: str = ""
    note: str = ""


@dataclass(frozen=True)
class Point:
    """One point of a line, with an interval if it has one."""

    x: float
    y: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Series:
    """A line through points, with the words that name it; not ``joined``, points that each have their interval."""

    name: str
    points: Sequence[Point]
    tone: str = "a"
    dots: bool = False
    joined: bool = True


@dataclass(frozen=True)
class Mark:
    """One point of a scatter chart, with its words and, if known, its intervals."""

    label: str
    x: float
    y: float
    x_interval: tuple[float, float] | None = None
    y_interval: tuple[float, float] | None = None


@dataclass(frozen=True)
class Bin:
    """Predictions of about one probability: their mean, the share that came true, its interval, their number."""

    predicted: float
    observed: float
    low: float
    high: float
    n: int


@dataclass
class _Drawing:
    """The parts of one SVG in drawing order."""

    height: float
    parts: list[str] = field(default_factory=list)

    def add(self, tag: str, css: str, words: str | None = None, **attributes: float | str) -> None:
        written = "".join(f' {name.replace("_", "-")}="{escape(value)}"' for name, value in attributes.items())
        end = "/>" if words is None else f">{escape(words)}</{tag}>"
        self.parts.append(f'<{tag} class="{css}"{written}{end}')

    def rule(self, css: str, x1: float, y1: float, x2: float, y2: float) -> None:
        self.add("line", css, x1=x1, y1=y1, x2=x2, y2=y2)

    def text(self, x: float, y: float, words: str, anchor: str = "start", css: str = "tick-text") -> None:
        self.add("text", css, words, x=x, y=y, text_anchor=anchor)

    def finish(self, title: str, description: str) -> SafeString:
        key = hashlib.sha1(f"{title}|{description}".encode(), usedforsecurity=False).hexdigest()[:10]
        head = (
            f'<svg viewBox="0 0 {WIDTH} {self.height:g}" role="img" aria-labelledby="t{key} d{key}">'
            f'<title id="t{key}">{escape(title)}</title><desc id="d{key}">{escape(description)}</desc>'
        )
        return mark_safe(head + "".join(self.parts) + "</svg>")  # noqa: S308  every part is escaped above


def bar_chart(
    bars: Sequence[Bar],
    *,
    title: str,
    unit: str = "",
    reference: float | None = None,
    limits: tuple[float, float] | None = None,
) -> SafeString:
    """Horizontal bars with whiskers, one a row. `reference` draws a dashed line, such as ½ of a win rate.

    With unit "%" values are shares of 1.
    """
    shown = [bar for bar in bars if drawable(bar.value)]
    ends = [end for bar in shown for end in (bar.value, bar.low, bar.high) if end is not None and drawable(end)]
    low, high = limits or round_range(ends, include=0.0)
    row = 34.0
    drawing = _Drawing(height=row * max(len(shown), 1) + 26)
    x = Scale(low, high, 0, WIDTH - 8)
    bottom = row * len(shown) + 4
    for tick in ticks(low, high):
        drawing.rule("rule", x(tick), 0, x(tick), bottom)
        anchor = "start" if x(tick) < 20 else "end" if x(tick) > WIDTH - 30 else "middle"
        drawing.text(x(tick), bottom + 16, readable(tick, unit), anchor)
    for index, bar in enumerate(shown):
        top = index * row
        drawing.text(0, top + 12, bar.label, css="label")
        drawing.text(WIDTH, top + 12, _value_words(bar, unit), "end")
        left, right = sorted((x(max(low, 0.0)), x(bar.value)))
        drawing.add("rect", f"bar {bar.tone}", x=left, y=top + 18, width=round(right - left, 1), height=9)
        if bar.low is not None and bar.high is not None:
            drawing.rule("whisker", x(bar.low), top + 22.5, x(bar.high), top + 22.5)
    if reference is not None:
        drawing.rule("target", x(reference), 0, x(reference), bottom)
    told = "; ".join(f"{bar.label}: {_value_words(bar, unit)}" for bar in shown) or "Nothing to show yet"
    return drawing.finish(title, told + _left_out(len(bars) - len(shown)))


def line_chart(
    series: Sequence[Series],
    *,
    title: str,
    x_label: str = "",
    unit: str = "",
    reference: float | None = None,
    limits: tuple[float, float] | None = None,
    height: float = 220,
) -> SafeString:
    """Lines over x, each with a band where its points have intervals. Names stand below; a nameless one has none."""
    drawn = [(one, [p for p in one.points if drawable(p.x) and drawable(p.y)]) for one in series]
    points = [point for _, kept in drawn for point in kept]
    values = [v for p in points for v in (p.y, p.low, p.high) if v is not None and drawable(v)]
    y_low, y_high = limits or round_range(values, include=reference)
    x_low, x_high = _span([p.x for p in points])
    named = [one for one, _ in drawn if one.name]
    drawing = _Drawing(height=height + 18 * (len(named) > 3))  # a long legend goes below the axis's own words
    x, y = Scale(x_low, x_high, 44, WIDTH - 12), Scale(y_low, y_high, height - 40, 10)
    counted = all(float(point.x).is_integer() for point in points)  # steps, judgments: there is no half of one
    _axes(drawing, x, y, unit=unit, x_label=x_label, counted=counted)
    if reference is not None:
        drawing.rule("target", x.start, y(reference), x.end, y(reference))
    for one, kept in drawn:
        _draw_series(drawing, one, kept, x, y)
    for index, one in enumerate(named):
        _name_series(drawing, one, index, len(named))
    told = "; ".join(_series_words(one, kept, unit) for one, kept in drawn if one.name) or "Nothing to show yet"
    return drawing.finish(title, told + _left_out(sum(len(one.points) for one in series) - len(points)))


def reliability_chart(bins: Sequence[Bin], *, title: str, start: float = 0.0) -> SafeString:
    """Predicted probability against the share that came true; the diagonal is perfect calibration.

    `start` is where the predictions begin: 0.5 where pairs are folded to the side that the model favours.
    """
    drawing = _Drawing(height=300)
    x, y = Scale(start, 1, 44, WIDTH - 12), Scale(0, 1, 260, 10)
    _axes(drawing, x, y, unit="%", x_label="predicted")
    drawing.rule("target", x(start), y(start), x(1), y(1))
    largest = max((one.n for one in bins), default=1)
    for one in bins:
        drawing.rule("whisker", x(one.predicted), y(one.low), x(one.predicted), y(one.high))
        size = round(3 + 5 * math.sqrt(one.n / max(largest, 1)), 1)
        drawing.add("circle", "dot", cx=x(one.predicted), cy=y(one.observed), r=size)
    told = "; ".join(
        f"predicted {readable(one.predicted, '%')}: {readable(one.observed, '%')} came true "
        f"({readable(round(one.low, 3), '%')} to {readable(round(one.high, 3), '%')}, n = {one.n})"
        for one in bins
    )
    return drawing.finish(title, told or "Nothing to show yet")


def scatter_chart(
    marks: Sequence[Mark],
    *,
    title: str,
    x_label: str = "",
    unit: str = "",
    reference: float | None = None,
    height: float = 300,
) -> SafeString:
    """Numbered points with intervals both ways; what each number stands for is listed below, in three columns."""
    shown = [one for one in marks if drawable(one.x) and drawable(one.y)]
    rows = -(-len(shown) // 3)
    drawing = _Drawing(height=height + 16 * rows)
    x = Scale(*round_range([v for one in shown for v in (one.x, *(one.x_interval or ()))]), 44, WIDTH - 12)
    values = [v for one in shown for v in (one.y, *(one.y_interval or ()))]
    y = Scale(*round_range(values, include=reference), height - 40, 10)
    _axes(drawing, x, y, unit=unit, x_label=x_label)
    if reference is not None:
        drawing.rule("target", x.start, y(reference), x.end, y(reference))
    for number, one in enumerate(shown):
        for ends, across in ((one.x_interval, True), (one.y_interval, False)):
            if ends is not None and all(map(drawable, ends)):
                (x1, x2), (y1, y2) = (ends, (one.y, one.y)) if across else ((one.x, one.x), ends)
                drawing.rule("axis", x(x1), y(y1), x(x2), y(y2))
        drawing.add("circle", "dot", cx=x(one.x), cy=y(one.y), r=3.5)
        drawing.text(x(one.x) + 5, y(one.y) - 5, str(number + 1), css="label")
        place = (44 + 146 * (number // rows), height + 12 + 16 * (number % rows))
        drawing.text(*place, f"{number + 1} {one.label}", css="label")
    told = "; ".join(f"{one.label}: {readable(one.y, unit)} at {readable(one.x)}" for one in shown)
    return drawing.finish(title, (told or "Nothing to show yet") + _left_out(len(marks) - len(shown)))


def _axes(drawing: _Drawing, x: Scale, y: Scale, *, unit: str, x_label: str, counted: bool = False) -> None:
    for tick in ticks(y.low, y.high):
        drawing.rule("rule", x.start, y(tick), x.end, y(tick))
        drawing.text(x.start - 8, y(tick) + 4, readable(tick, unit), "end")
    drawing.rule("axis", x.start, y.start, x.end, y.start)
    for tick in ticks(x.low, x.high, 5, whole=counted):
        anchor = "end" if x(tick) > x.end - 14 else "middle"
        drawing.text(x(tick), y.start + 17, readable(tick, unit if x_label == "predicted" else ""), anchor)
    if x_label:
        drawing.text(x.end, y.start + 33, x_label, "end", "label")


def _draw_series(drawing: _Drawing, one: Series, kept: Sequence[Point], x: Scale, y: Scale) -> None:
    banded = [p for p in kept if p.low is not None and p.high is not None]
    if not one.joined:
        _draw_points(drawing, one, kept, x, y)
        return
    if len(banded) > 1:
        upper = [(x(p.x), y(p.high)) for p in banded if p.high is not None]
        lower = [(x(p.x), y(p.low)) for p in reversed(banded) if p.low is not None]
        drawing.add("path", f"band {one.tone}", d=_path([*upper, *lower]) + "Z")
    if len(kept) > 1:
        drawing.add("path", f"line {one.tone}", d=_path([(x(p.x), y(p.y)) for p in kept]))
    for point in kept if one.dots or len(kept) == 1 else kept[-1:]:
        if len(banded) < 2 and point.low is not None and point.high is not None:
            drawing.rule("whisker", x(point.x), y(point.low), x(point.x), y(point.high))
        drawing.add("circle", f"dot {one.tone}", cx=x(point.x), cy=y(point.y), r=3.5)


def _draw_points(drawing: _Drawing, one: Series, kept: Sequence[Point], x: Scale, y: Scale) -> None:
    for point in kept:
        if point.low is not None and point.high is not None:
            drawing.rule("whisker", x(point.x), y(point.low), x(point.x), y(point.high))
        drawing.add("circle", f"dot {one.tone}", cx=x(point.x), cy=y(point.y), r=3.5)


def _name_series(drawing: _Drawing, one: Series, index: int, count: int) -> None:
    """A legend above the plot's foot, left to right; a single series is named by the chart's own title."""
    if count > 1:
        left = 44 + index * min(140, (WIDTH - 44) // count)
        drawing.rule(f"line {one.tone}", left, drawing.height - 8, left + 16, drawing.height - 8)
        drawing.text(left + 22, drawing.height - 4, one.name, css="label")


def _path(points: Sequence[tuple[float, float]]) -> str:
    return "M" + "L".join(f"{x:g} {y:g}" for x, y in points)


def _span(values: Sequence[float]) -> tuple[float, float]:
    if not values:
        return 0.0, 1.0
    low, high = min(values), max(values)
    return (low, high) if high - low > 1e-9 * max(1.0, abs(high)) else (low - 0.5, high + 0.5)


def _value_words(bar: Bar, unit: str) -> str:
    if bar.low is None or bar.high is None:
        return f"{readable(round(bar.value, 4), unit)} {bar.note}".strip()
    value, low, high = (readable(round(one, 3), unit) for one in (bar.value, bar.low, bar.high))
    return f"{value} ({low} to {high}) {bar.note}".strip()


def _series_words(one: Series, kept: Sequence[Point], unit: str) -> str:
    if not kept:
        return f"{one.name}: nothing yet"
    return f"{one.name}: from {readable(kept[0].y, unit)} to {readable(kept[-1].y, unit)} over {len(kept)} points"


def _left_out(count: int) -> str:
    return f". {count} without a value left out." if count else "."
