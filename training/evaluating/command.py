"""`manage.py train evaluate`: its options, and which report or comparison they ask for."""

import json
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from training.evaluating.files import FORMATS

WORDS = (
    "compare two policies by a taste; or report on a project's reward model, or on a reward model or a policy "
    "by a file in a published format"
)
WHAT_TO_ASK = (
    "say what to evaluate: --policy REF --taste TASTE compares two policies; --project SLUG [--reward …] reports on a "
    "project's judgments; --file FILE --format FORMAT with --reward DIRECTORY, or with --policy REF --against REF, "
    "reports on a file"
)

CLASHES = (
    ("file", "project"),
    ("file", "taste"),
    ("project", "taste"),
    ("project", "policy"),
    ("taste", "reward"),
)  # of each two, one would be dropped without a word


DEFAULTS: dict[str, Any] = {
    "policy": None,
    "against": "starter",
    "taste": None,
    "prompts": 1000,
    "seed": 0,
    "reward": "",
    "format": "trl",
    "votes": None,
    "beta": 0.1,
    "max_length": 512,
}

READS = {
    "a project": ("reward", "votes"),
    "a file and a reward model": ("reward", "format"),
    "a file and a policy": ("policy", "against", "format", "beta", "max_length"),
    "two policies and a taste": ("policy", "against", "taste", "prompts", "seed"),
}  # besides the file or the project itself, and --json


def add_evaluate_arguments(parser: ArgumentParser) -> None:
    """The options of `evaluate`. What is not given is None, so that what would not be read can be refused."""
    parser.add_argument("--policy", metavar="REF", help="starter, a directory or a hub name")
    parser.add_argument("--against", metavar="REF", help=f"the other policy, or the reference{_otherwise('against')}")
    parser.add_argument("--taste", help="a built-in taste, or PATH:FUNCTION")
    parser.add_argument("--prompts", type=int, help=f"held-out starter prompts, with a taste{_otherwise('prompts')}")
    parser.add_argument("--seed", type=int, help=f"of what is sampled, with a taste{_otherwise('seed')}")
    parser.add_argument("--project", metavar="SLUG", help="report on this project's judgments")
    parser.add_argument("--reward", metavar="VERSION|DIRECTORY|posterior", help="the active one, else the posterior")
    parser.add_argument("--file", type=Path, help="report on a file: JSONL, gzip or Parquet")
    parser.add_argument("--format", choices=FORMATS, help=f"of the file{_otherwise('format')}")
    parser.add_argument(
        "--votes", type=Path, metavar="FILE", help="also write a project's held-out votes, as PPE has them"
    )
    parser.add_argument("--beta", type=float, help=f"of a policy's implicit reward{_otherwise('beta')}")
    parser.add_argument(
        "--max-length", type=int, help=f"tokens of a conversation, for a policy{_otherwise('max_length')}"
    )
    parser.add_argument("--json", nargs="?", const="-", metavar="FILE", help="a report as JSON, printed or in a file")


def _otherwise(option: str) -> str:
    return f" ({DEFAULTS[option]} where it is not given)"


def evaluated(options: dict[str, Any]) -> dict[str, Any]:
    """What the options ask for, JSON-ready. Raises ValueError in words, before any work where it can."""
    _refuse_dropped(options)
    _refuse_places(options)
    mode = _mode(options)
    _refuse_unread(options, mode)
    given = {**options, **{name: value for name, value in DEFAULTS.items() if options.get(name) is None}}
    if mode == "a project":
        return _of_project(given)
    return _by_taste(given) if mode == "two policies and a taste" else _of_file(given)


def _mode(options: dict[str, Any]) -> str:
    """A key of READS."""
    if options["file"] is not None:
        if bool(options["reward"]) == bool(options["policy"]):
            raise ValueError("a file is asked of --reward DIRECTORY or of --policy REF --against REF, one of the two")
        return f"a file and a {'reward model' if options['reward'] else 'policy'}"
    if options["project"]:
        return "a project"
    if options["policy"] and options["taste"]:
        return "two policies and a taste"
    raise ValueError(WHAT_TO_ASK)


def _refuse_unread(options: dict[str, Any], mode: str) -> None:
    unread = [name for name in DEFAULTS if options.get(name) is not None and name not in READS[mode]]
    if unread:
        names = " and ".join(f"--{name.replace('_', '-')}" for name in unread)
        read = ", ".join(f"--{name.replace('_', '-')}" for name in READS[mode])
        raise ValueError(f"{names} would not be read: with {mode} goes {read}")


def written(told: dict[str, Any], options: dict[str, Any]) -> Iterator[str]:
    """What is printed: JSON where it was asked for or always was (two policies), else words, one figure a line."""
    from training.learning.evaluation.report import lines_of

    if options["json"] and options["json"] != "-":
        with _in_words("json", options["json"]):
            Path(options["json"]).write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
    if options["json"] == "-" or not (options["file"] or options["project"]):
        yield json.dumps(told, indent=1)
    elif not options["json"]:
        yield from lines_of(told)


def _refuse_dropped(options: dict[str, Any]) -> None:
    for one, other in CLASHES:
        if options[one] and options[other]:
            raise ValueError(f"--{one} and --{other} do not go together; {WHAT_TO_ASK}")
    if options["votes"] and not options["project"]:
        raise ValueError("--votes writes a project's held-out votes: say which with --project SLUG")


def _refuse_places(options: dict[str, Any]) -> None:
    """Before an evaluation of minutes, not after it."""
    for option in ("json", "votes"):
        place = options[option]
        if not place or place == "-":
            continue
        with _in_words(option, place):
            if Path(place).is_dir():
                raise ValueError(f"--{option}: {place} is a folder; name a file in it")
            if not Path(place).parent.is_dir():
                raise ValueError(f"--{option}: there is no folder {Path(place).parent}")


@contextmanager
def _in_words(option: str, place: str | Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise ValueError(f"--{option}: {place} cannot be written: {error.strerror or error}") from error


def _of_file(options: dict[str, Any]) -> dict[str, Any]:
    from training.evaluating.of_file import report_on_file
    from training.evaluating.scorers import implicit, of_directory

    if options["reward"]:
        model = of_directory(options["reward"])
    else:
        model = implicit(options["policy"], options["against"], options["beta"], options["max_length"])
    return report_on_file(model, options["file"], options["format"])


def _of_project(options: dict[str, Any]) -> dict[str, Any]:
    from labeling.models import Project
    from training.evaluating.of_project import report_on_project
    from training.evaluating.scorers import of_project
    from training.evaluating.votes import write_votes

    project = Project.objects.filter(slug=options["project"]).first()
    if project is None:
        raise ValueError(f"There is no project {options['project']!r}.")
    if options["votes"]:
        with _in_words("votes", options["votes"]):
            write_votes(options["votes"], project)
    return report_on_project(project, of_project(project, options["reward"]))


def _by_taste(options: dict[str, Any]) -> dict[str, Any]:
    """Win rate by a taste, with its interval."""
    from training.lab.measuring import compared, measure
    from training.lab.tastes import load_taste
    from training.learning.models import load_policy
    from training.learning.recipes import SamplerSettings
    from training.learning.starter.prompts import held_out_prompts

    taste = load_taste(options["taste"])
    policies = load_policy(options["policy"]), load_policy(options["against"])
    prompts = held_out_prompts(options["prompts"], seed=options["seed"])
    mine, other = (
        measure(policy, prompts, taste, SamplerSettings(), options["seed"] + number)
        for number, policy in enumerate(policies)
    )
    words = {"mean_words": mine.mean_words, "mean_words_against": other.mean_words}
    return {**compared(mine, other, prompts), **words}
