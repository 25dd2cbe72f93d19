"""What people can set or call stands in the README, and what the README shows is there."""

import argparse
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.core.management import load_command_class

from alignment_site.env import DECLARED
from tests.house.tree import ROOMS, ROOT, python_files, tracked

README = (ROOT / "README.md").read_text(encoding="utf-8")
# What a process tells its own children; nobody sets these by hand.
INTERNAL = {"HEED_LAB_INSIDE", "HEED_LIFELINE", "HEED_LISTEN_FD", "HEED_PROCESS"}


def commands() -> dict[str, argparse.ArgumentParser]:
    """Every management command of the checkout."""
    found = [path for path in tracked() if path.parts[1:3] == ("management", "commands") and path.stem != "__init__"]
    return {
        path.stem: load_command_class(path.parts[0], path.stem).create_parser("manage.py", path.stem) for path in found
    }


def words(parser: argparse.ArgumentParser) -> Iterator[str]:
    """A command's words: `link` of `heed link`."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            yield from action.choices


def rows_about(command: str) -> str:
    """The README's rows that begin with a command."""
    return "\n".join(line for line in README.splitlines() if re.match(rf"\|.*`manage\.py {command}\b", line))


def make_targets() -> set[str]:
    """What `make` can be asked for."""
    phony = re.search(r"^\.PHONY:(.*)$", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    assert phony is not None
    return set(phony[1].split())


def tree() -> Iterator[Path]:
    """The paths of the annotated tree: names that end with a slash or a suffix, before the description."""
    drawn = README.split("## The tree", 1)[1].split("```")[1]
    room = Path()
    for line in drawn.strip("\n").splitlines():
        names = re.match(r"((?:[\w.]+(?:/|\.\w+) ?)+)(?:\s|$)", line.strip())
        assert names is not None, line
        depth = (len(line) - len(line.lstrip())) // 2
        room = Path(*room.parts[:depth])
        yield from (room / name for name in names[1].split())
        if depth == len(room.parts):
            room /= names[1].split()[0]


@pytest.mark.parametrize("name", sorted(DECLARED))
def test_every_setting_stands_in_the_readme(name: str) -> None:
    assert f"`{name}`" in README


def test_every_name_that_is_read_from_the_environment_is_declared() -> None:
    read = {
        name
        for path in python_files(*(room for room in ROOMS if room != "tests"))
        for name in re.findall(r'"(HEED_[A-Z_]+)"', (ROOT / path).read_text(encoding="utf-8"))
    }
    assert {name for name in read if not name.startswith("HEED_TEST")} - INTERNAL - set(DECLARED) == set()


def test_every_command_and_each_of_its_words_stands_in_the_readme() -> None:
    missing = [name for name in commands() if not rows_about(name)]
    missing += [
        f"{name} {word}"
        for name, parser in commands().items()
        for word in words(parser)
        if not re.search(rf"\b{word}\b", rows_about(name))
    ]
    assert missing == []


def test_every_target_of_make_stands_in_the_readme() -> None:
    assert [target for target in sorted(make_targets()) if f"make {target}" not in README] == []


def test_the_tree_shows_what_is_there() -> None:
    assert [str(path) for path in tree() if not (ROOT / path).exists()] == []


def test_every_folder_at_the_top_stands_in_the_tree() -> None:
    drawn = {path.parts[0] for path in tree()}
    folders = {path.parts[0] for path in tracked() if len(path.parts) > 1 and not path.parts[0].startswith(".")}
    assert folders - drawn - {"requirements"} == set()


def test_the_tree_names_the_rooms_of_the_tests() -> None:
    line = next(line for line in README.splitlines() if line.startswith("tests/ "))
    rooms = {path.parts[1] for path in tracked() if path.parts[0] == "tests" and len(path.parts) > 2}
    assert set(line.split()[1:]) == rooms
