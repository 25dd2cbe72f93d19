"""`manage.py bench realtext`: its options, and the table it prints. No database is needed."""

from argparse import ArgumentParser
from collections.abc import Callable
from pathlib import Path
from typing import Any

from django.core.management import CommandError


def add_realtext_arguments(parser: ArgumentParser) -> None:
    """The options."""
    parser.add_argument("--file", type=Path, required=True, help="pairs labelled by a model, with their writers' names")
    parser.add_argument("--labels", default="model: GPT-4", help="whose labels those are, as the table says it")
    parser.add_argument("--people", type=Path, help="pairs labelled by people")
    parser.add_argument("--base", default="starter", metavar="REF", help="what both reward models are built on")
    parser.add_argument("--train-pairs", type=int, default=0, help="that every model learns from in a fold (all)")
    parser.add_argument("--test-pairs", type=int, default=0, help="drawn in a fold, besides the length-matched (all)")
    parser.add_argument("--deep-pairs", type=int, default=240, help="of those, for the deep model; 0: no deep one")
    parser.add_argument("--folds", type=int, default=2, help="parts of the prompts")
    parser.add_argument("--max-length", type=int, default=256, help="tokens of a conversation, for the deep model")
    parser.add_argument("--epochs", type=float, default=1.0, help="of the deep model")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", nargs="?", const="-", metavar="FILE", help="one JSON object, printed or in a file")


def realtext(options: dict[str, Any], say: Callable[[str], Any], write: Callable[[str], Any]) -> dict[str, Any]:
    """Measure, say how far it is, and write each file's table as soon as it is known. Raises CommandError in words."""
    from training.lab.realtext import Plan, measure

    dials = ("base", "train_pairs", "test_pairs", "folds", "deep_pairs", "max_length", "epochs", "seed")
    files = [(options["file"], options["labels"])]
    if options["people"]:
        files.append((options["people"], "people"))

    def show(told: dict[str, Any]) -> None:
        write("\n".join(table(told)))

    try:
        return measure(Plan(**{name: options[name] for name in dials}), files, say, show)
    except (ValueError, OSError) as error:
        raise CommandError(str(error)) from error


def table(told: dict[str, Any]) -> list[str]:
    """One file's figures, one model a line."""
    lines = [
        f"{told['file']}, {told['pairs']} pairs, labels: {told['labels']}. Split {told['split']}. Predicted: "
        f"{told['drawn']} drawn at random, and all {told['matched']} less than 10 % apart in words and in characters."
    ]
    for name, figures in told["models"].items():
        lines.append(f"  {name:14} drawn {_share(figures['accuracy'])}   matched {_share(figures['matched'])}")
    for name, others in told["gain_matched"].items():
        for other, gain in others.items():
            lines.append(f"  {name} less {other}, matched: {_points(gain)}")
    return lines


def _share(told: dict[str, Any]) -> str:
    return f"{100 * told['value']:.1f} % ({100 * told['low']:.1f} to {100 * told['high']:.1f})"


def _points(told: dict[str, Any] | None) -> str:
    if told is None or told["low"] is None:
        return "not known"
    return f"{100 * told['value']:+.1f} points ({100 * told['low']:+.1f} to {100 * told['high']:+.1f})"
