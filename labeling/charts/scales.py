"""Where things lie on a chart: round tick values and the map from values to pixels."""

import math
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Scale:
    """A linear map from [low, high] to [start, end] pixels."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        share = (value - self.low) / (self.high - self.low)
        return round(self.start + min(max(share, -0.02), 1.02) * (self.end - self.start), 1)


def drawable(value: float) -> bool:
    """Whether a chart can place the value: finite, and not so large that arithmetic around it loses its digits."""
    return math.isfinite(value) and abs(value) < 1e15


def ticks(low: float, high: float, about: int = 4, *, whole: bool = False) -> list[float]:
    """Round values (steps of 1, 2 or 5 times a power of ten) inside [low, high]; ``whole`` ones have no fractions."""
    step = max(_step(high - low, about), float(whole))
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [round(n * step, 12) for n in range(first, last + 1)]


def round_range(values: Iterable[float], *, about: int = 4, include: float | None = None) -> tuple[float, float]:
    """The smallest range between round values that holds all finite values; never empty."""
    finite = [value for value in values if drawable(value)]
    if include is not None:
        finite.append(include)
    low, high = (min(finite), max(finite)) if finite else (0.0, 1.0)
    if high - low < 1e-9 * max(1.0, abs(low), abs(high)):
        margin = max(0.5, 1e-3 * abs(high))
        low, high = low - margin, high + margin
    step = _step(high - low, about)
    return round(math.floor(low / step + 1e-9) * step, 12), round(math.ceil(high / step - 1e-9) * step, 12)


def readable(value: float, unit: str = "") -> str:
    """A number as it stands beside a tick: 0.5 with unit "%" is 50 %; 12,500 is 12.5k."""
    if unit == "%":
        return f"{100 * value:.4g} %"
    for limit, letter in ((1e9, "G"), (1e6, "M"), (1e4, "k")):
        if abs(value) >= limit:
            scaled = value / {"G": 1e9, "M": 1e6, "k": 1e3}[letter]
            return f"{scaled:.4g}{letter}{unit and f' {unit}'}".replace("-", "−")
    return f"{value:.4g}{unit and f' {unit}'}".replace("-", "−")


def _step(span: float, about: int) -> float:
    raw = span / max(about, 1)
    power = 10.0 ** math.floor(math.log10(raw))
    return next(power * factor for factor in (1, 2, 5, 10) if power * factor >= raw * 0.999)
