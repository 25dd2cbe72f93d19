"""A reward run's report on itself, as its page shows it: tables, charts and what they mean in words."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.safestring import SafeString

from labeling.charts.svg import Bar, Bin, bar_chart, reliability_chart

Told = Mapping[str, Any]
NAMES = {"reward model": "this model", "length_only": "length only", "bag_of_words": "bag of words"}
GROUPS = {"source": "Source", "arm": "Arm", "strength": "How clear it was, 1 to 3"}


@dataclass(frozen=True)
class ModelRow:
    """One model's figures in words."""

    name: str
    accuracy: str
    matched: str
    log_loss: str
    brier: str
    calibration: str


@dataclass(frozen=True)
class Group:
    """Accuracy by one division of the judgments."""

    title: str
    rows: list[tuple[str, str]]


@dataclass(frozen=True)
class ReportShown:
    """What the page needs."""

    judgments: int
    rows: int
    prompts: int
    models: list[ModelRow]
    gains: list[tuple[str, str, str]]
    groups: list[Group]
    length: list[tuple[str, str]]
    position: list[tuple[str, str]]
    ceiling: list[tuple[str, str]]
    accuracy_chart: SafeString
    reliability: SafeString


def reward_report(result: Told) -> ReportShown | None:
    """From a run's result; None where it made no report, as runs with few judgments or of other kinds."""
    told = result.get("report")
    if not isinstance(told, dict) or "models" not in told:
        return None
    gains = [
        (_named(name), signed(gain), signed(told["gain_length_matched"].get(name)))
        for name, gain in told["gain"].items()
    ]
    return ReportShown(
        judgments=told["judgments"],
        rows=told["rows" if "rows" in told else "judgments"],
        prompts=told["prompts"],
        models=[_model(name, figures) for name, figures in told["models"].items()],
        gains=gains,
        groups=[_group(title, told["by"][key]) for key, title in GROUPS.items() if told["by"].get(key)],
        length=_length(told["length"]),
        position=_position(told["position"]),
        ceiling=_ceiling(told["ceiling"]),
        accuracy_chart=_bars(told["models"]),
        reliability=reliability_chart(
            [Bin(bin["predicted"], **_ends(bin["observed"]), n=bin["observed"]["n"]) for bin in told["reliability"]],
            title="How often predictions came true",
            start=0.5,
        ),
    )


def percent(told: Told | None) -> str:
    """A share with its interval: 71.2 % (65.0 to 76.6), n = 120."""
    if told is None or not told["n"]:
        return "none"
    value, low, high = (f"{100 * told[key]:.1f}" for key in ("value", "low", "high"))
    return f"{value} % ({low} to {high}), n = {told['n']}"


def signed(told: Told | None) -> str:
    """A difference of shares in points, with its interval and its sign."""
    if told is None or told["low"] is None:
        return "not known"
    value, low, high = (f"{100 * told[key]:+.1f}".replace("-", "−") for key in ("value", "low", "high"))
    return f"{value} points ({low} to {high})"


def figure(told: Told | None) -> str:
    """A number with its interval."""
    if told is None:
        return "not known"
    value, low, high = (
        "?" if told[key] is None else f"{told[key]:.3f}".replace("-", "−") for key in ("value", "low", "high")
    )
    return f"{value} ({low} to {high})"


def _named(name: str) -> str:
    return NAMES.get(name, name)


def _ends(told: Told) -> dict[str, float]:
    return {"observed": told["value"], "low": told["low"], "high": told["high"]}


def _model(name: str, told: Told) -> ModelRow:
    return ModelRow(
        _named(name),
        percent(told["accuracy"]),
        percent(told["accuracy_length_matched"]),
        figure(told["log_loss"]),
        figure(told["brier"]),
        figure(told["calibration_error"]),
    )


def _group(title: str, told: Told) -> Group:
    return Group(title, [(name, percent(accuracy)) for name, accuracy in told.items()])


def _length(told: Told) -> list[tuple[str, str]]:
    return [
        ("people prefer the longer one", percent(told["labels_longer"])),
        ("the model prefers the longer one", percent(told["model_longer"])),
        ("right where the preferred one is longer", percent(told["right_when_longer"])),
        ("right where the preferred one is shorter", percent(told["right_when_shorter"])),
        ("correlation of its log-odds with length", figure(told["correlation"])),
    ]


def _position(told: Told) -> list[tuple[str, str]]:
    model, consistent = told["model"], told["model"]["consistent"]
    return [
        ("labels for the response stored first", percent(told["labels_first"])),
        ("predictions for it", percent(model["first"])),
        (
            "same answer when the two change places",
            percent(consistent) if consistent else "always: it reads each alone",
        ),
    ]


def _ceiling(told: Told | None) -> list[tuple[str, str]]:
    if told is None:
        return []
    return [
        ("two people prefer the same side", percent(told["agreement"])),
        ("no model can be right more often than", percent(told["at_most"])),
    ]


def _bars(models: Told) -> SafeString:
    bars = [
        Bar(_named(name), one["value"], one["low"], one["high"], tone="" if number else "a")
        for number, (name, figures) in enumerate(models.items())
        if (one := figures["accuracy"])["n"]
    ]
    return bar_chart(bars, title="Judgments predicted", unit="%", reference=0.5, limits=(0.0, 1.0))
