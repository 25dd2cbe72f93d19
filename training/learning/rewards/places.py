"""Where the members of a saved ensemble lie."""

from pathlib import Path


def member_place(directory: Path, number: int | None) -> Path:
    """The directory of one member: the first is the ensemble's own; None is the evaluation member."""
    if number is None:
        return directory / "evaluation"
    return directory / f"member-{number}" if number else directory


def member_places(directory: Path) -> list[Path]:
    """Those of all members that were saved, in their order, the evaluation member left out."""
    others = directory.glob("member-*")
    return [directory, *sorted(others, key=lambda place: int(place.name.rpartition("-")[2]))]
