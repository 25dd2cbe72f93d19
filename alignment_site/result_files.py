"""Where a long command leaves its result: looked at before the work, so that no hours are lost at the end."""

import os
from pathlib import Path


def refuse_unwritable(*places: Path | str | None) -> None:
    """Raise ValueError in words where a file could not be written. None and "-", which is printing, are well."""
    for place in places:
        if place is not None and str(place) != "-":
            _refuse(Path(place))


def _refuse(path: Path) -> None:
    folder = path.absolute().parent
    if not folder.is_dir():
        raise ValueError(f"there is no folder {folder}: make it, or name another file for the result")
    if path.is_dir():
        raise ValueError(f"{path} is a folder: name a file for the result")
    if not os.access(path if path.exists() else folder, os.W_OK):
        raise ValueError(f"{path} cannot be written: name another file for the result")
