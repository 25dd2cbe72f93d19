"""Where runs, snapshots and policies lie under HEED_HOME, and how a row names them.

A row stores `home:projects/3/policies/2`, so that a moved or restored HEED_HOME still finds its files; a policy
that Heed did not make (the starter, a local directory, a hub name) is stored as it was given.
"""

from pathlib import Path

from django.conf import settings

from labeling.models import Project

PREFIX = "home:"


def project_folder(project: Project, *parts: str) -> Path:
    """A folder of this project's, made when it is first asked for."""
    folder: Path = settings.HEED_HOME.joinpath("projects", str(project.pk), *parts)
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def stored(path: Path) -> str:
    """A path under HEED_HOME as a row names it. Raises ValueError for a path outside."""
    return PREFIX + path.relative_to(settings.HEED_HOME).as_posix()


def located(name: str) -> str:
    """What a row names, as a path or as what `load_policy` takes."""
    if name.startswith(PREFIX):
        return str(settings.HEED_HOME / name.removeprefix(PREFIX))
    return name


def is_ours(name: str) -> bool:
    """Whether Heed made these files, and may delete them."""
    return name.startswith(PREFIX)


def size_of(folder: Path) -> int:
    """Bytes of all files under a folder."""
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
