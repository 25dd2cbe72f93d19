"""An environment of TRL's own: made once, in Heed's home, from the same pinned requirements."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from alignment_site.bootstrap import CHECKOUT, torch_arguments, torch_build

WANTED = ("torch.txt", "learning.txt", "oracles.txt")
TRIED = "import trl, sys; sys.exit(trl.__version__ != '1.16.0')"


class NoPeer(RuntimeError):
    """There is no Python with TRL; the message says what to do."""


def peer_python(home: Path, given: Path | None, say: Callable[[str], None]) -> Path:
    """A Python that has TRL 1.16.0: the one that was given, else one installed below ``home`` (0.5 GB, once)."""
    python = given or home / "peers" / "trl" / "bin" / "python"
    if given is None and not python.exists():
        say("Installing TRL into an environment of its own")
        _install(python)
    if subprocess.run([str(python), "-c", TRIED], capture_output=True, check=False).returncode:
        raise NoPeer(f"{python} has no TRL 1.16.0: name another one, or remove its folder to install it again")
    return python


def _install(python: Path) -> None:
    place = python.parent.parent
    pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--only-binary=:all:"]
    torch = ["-r", str(CHECKOUT / "requirements" / "torch.txt")]
    everything = [part for name in WANTED for part in ("-r", str(CHECKOUT / "requirements" / name))]
    steps = [
        [sys.executable, "-m", "venv", "--clear", str(place)],
        [*pip, *torch, *torch_arguments(torch_build("cpu"))],
        [*pip, *everything],
    ]
    for step in steps:
        if subprocess.run(step, check=False).returncode:
            raise NoPeer("TRL could not be installed; pip's last lines say why. The same command goes on from there.")
