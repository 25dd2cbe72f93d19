"""Charts say in words what they show, carry no style of their own and survive any numbers."""

import math
import xml.etree.ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labeling.charts.scales import readable, round_range, ticks
from labeling.charts.svg import (
    Bar,
    Bin,
    Mark,
    Point,
    Series,
    bar_chart,
    line_chart,
    reliability_chart,
    scatter_chart,
)

numbers = st.floats(allow_nan=True, allow_infinity=True) | st.floats(-2, 2)
finite = st.floats(-1e9, 1e9)


def parsed(svg: str) -> ET.Element:
    assert "style=" not in svg
    root = ET.fromstring(svg)
    assert root.findtext("title")
    assert root.findtext("desc")
    return root


@given(st.lists(st.tuples(st.text(alphabet="ab<&\"'", max_size=8), numbers), max_size=8))
def test_a_bar_chart_is_well_formed_whatever_the_values(rows) -> None:
    parsed(bar_chart([Bar(label, value) for label, value in rows], title="Win <rate>", unit="%"))


@given(st.lists(st.tuples(numbers, numbers), max_size=12))
def test_a_line_chart_is_well_formed_whatever_the_values(rows) -> None:
    root = parsed(line_chart([Series("loss", [Point(x, y) for x, y in rows])], title="Loss"))
    assert "nan" not in ET.tostring(root, encoding="unicode").lower().replace("finance", "")


def test_the_description_gives_values_intervals_and_what_was_left_out() -> None:
    root = parsed(bar_chart([Bar("v2", 0.625, 0.5, 0.75), Bar("v3", math.nan)], title="Win rate", unit="%"))
    assert root.findtext("desc") == "v2: 62.5 % (50 % to 75 %). 1 without a value left out."


def test_steps_are_counted_in_whole_numbers() -> None:
    points = [Point(1, 0.5), Point(2, 0.7)]
    root = parsed(line_chart([Series("loss", points)], title="Loss"))
    assert "1.5" not in [text.text for text in root.iter("text")]


def test_a_bar_is_as_long_as_its_value() -> None:
    root = parsed(bar_chart([Bar("a", 1.0), Bar("b", 0.5)], title="t", limits=(0, 1)))
    widths = [float(rect.get("width", "0")) for rect in root.iter("rect")]
    assert widths[1] == pytest.approx(widths[0] / 2, abs=0.1)


def test_a_point_that_came_true_as_predicted_lies_on_the_diagonal() -> None:
    root = parsed(reliability_chart([Bin(0.5, 0.5, 0.4, 0.6, 20)], title="Calibration"))
    dot, line = next(root.iter("circle")), next(e for e in root.iter("line") if e.get("class") == "target")
    middle = (float(line.get("y1", "0")) + float(line.get("y2", "0"))) / 2
    assert float(dot.get("cy", "0")) == pytest.approx(middle, abs=0.2)


def test_an_empty_chart_says_so() -> None:
    for svg in (
        bar_chart([], title="t"),
        line_chart([], title="t"),
        reliability_chart([], title="t"),
    ):
        assert "Nothing to show yet" in (parsed(svg).findtext("desc") or "")


@given(finite, finite)
def test_ticks_are_few_and_inside(one: float, other: float) -> None:
    low, high = round_range([one, other])
    assert low <= min(one, other) + 1e-6 * max(1, abs(one), abs(other))
    assert high >= max(one, other) - 1e-6 * max(1, abs(one), abs(other))
    marks = ticks(low, high)
    assert 2 <= len(marks) <= 8
    assert all(low - 1e-6 * abs(high - low) <= mark <= high + 1e-6 * abs(high - low) for mark in marks)


@pytest.mark.parametrize(
    ("value", "unit", "words"), [(0.5, "%", "50 %"), (12500, "", "12.5k"), (-3, "nats", "−3 nats")]
)
def test_numbers_are_written_for_readers(value: float, unit: str, words: str) -> None:
    assert readable(value, unit) == words


@given(st.lists(st.tuples(st.text(alphabet="ab<&", max_size=4), numbers, numbers, numbers), max_size=7))
def test_a_scatter_chart_is_well_formed_and_lists_every_mark_it_shows(rows) -> None:
    marks = [Mark(label, x, y, (x, x + 1), (low, y)) for label, x, y, low in rows]
    root = parsed(scatter_chart(marks, title="Win rate", unit="%", reference=0.5))
    shown = sum(abs(mark.x) < 1e15 and abs(mark.y) < 1e15 for mark in marks)
    assert len(root.findall("circle")) == shown


def test_points_that_are_not_joined_have_whiskers_of_their_own_and_a_nameless_line_is_not_listed() -> None:
    points = [Point(n, n, n - 1, n + 1) for n in range(3)]
    series = [Series("measured", points, joined=False), Series("", points), Series("other", points)]
    root = parsed(line_chart(series, title="Curve"))
    assert len(root.findall("line[@class='whisker']")) == 3
    named = [text.text for text in root.findall("text[@class='label']")]
    assert named == ["measured", "other"]
    assert "measured: from" in str(root.findtext("desc")) and ": from 0 to 2 over 3 points; :" not in root.findtext(
        "desc", ""
    )
