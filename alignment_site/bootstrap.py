"""What `make up` does before anything is installed: refuse in one sentence, say what it downloads, install, go on.

Run by the system's Python with nothing but the standard library. It must parse on Python 3.6, to refuse there in
words; hence the quoted annotations.
"""

import hashlib
import json
import os
import platform
import shlex
import shutil
import subprocess
import sys
import urllib.request
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent
ENVIRONMENT = CHECKOUT / ".venv"
PYTHON = ENVIRONMENT / "bin" / "python"
STAMP = ENVIRONMENT / "heed-installed.json"
REQUIREMENTS = CHECKOUT / "requirements"
SUPPORTED = ((3, 11), (3, 14))
CPU_INDEX = "https://download.pytorch.org/whl/cpu"
SETS = {
    "site": ["web.txt", "learning.txt"],
    "test": ["web.txt", "learning.txt", "test.txt"],
    "all": ["web.txt", "learning.txt", "test.txt", "oracles.txt"],
}
# Measured on Linux x86-64: megabytes to download, gigabytes on disk.
SIZES = {"cpu": (190, 0.8), "cuda": (2_900, 6.0), "mac": (90, 0.4)}
REST = {"site": (230, 0.7), "test": (330, 1.0), "all": (350, 1.2)}


def refusal() -> "str | None":
    """Why this machine cannot run Heed, in one sentence; None when it can."""
    low, high = SUPPORTED
    version = sys.version_info[:2]
    if platform.python_implementation() != "CPython" or not low <= version <= high:
        found = f"{platform.python_implementation()} {platform.python_version()}"
        return f"Heed needs CPython 3.11 to 3.14, and this is {found}: run make again with PYTHON=python3.12, say."
    system, machine = platform.system(), platform.machine().lower()
    if system == "Darwin" and machine == "arm64":
        return None
    if system != "Linux" or machine not in ("x86_64", "amd64", "aarch64", "arm64"):
        return f"Heed runs on Linux (x86-64, arm64) and macOS (arm64), and this is {system} on {machine}."
    library, number = platform.libc_ver()
    if library != "glibc" or tuple(map(int, number.split(".")[:2])) < (2, 28):
        return f"Heed needs glibc 2.28 or newer, and this system has {library or 'another C library'} {number}.".strip()
    return None


def other_python() -> "str | None":
    """A supported Python on the PATH, when the one that runs this is not."""
    for minor in (13, 12, 11, 14):
        found = shutil.which(f"python3.{minor}")
        works = (
            found
            and subprocess.call([found, "-c", "import venv"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) == 0
        )
        if found and works:
            return found
    return None


def has_nvidia_driver() -> bool:
    """Whether this machine can use CUDA."""
    return Path("/proc/driver/nvidia/version").exists() or shutil.which("nvidia-smi") is not None


def torch_build(remembered: "str | None") -> str:
    """`cpu`, `cuda`, `mac`, or `given` when TORCH_ARGS decides. Asked at most once, and never without a terminal."""
    if os.environ.get("TORCH_ARGS", "").strip():
        return "given"
    if platform.system() == "Darwin":
        return "mac"
    if has_nvidia_driver():
        return "cuda"
    if remembered in ("cpu", "cuda"):
        return remembered
    question = "No NVIDIA driver was found. Install torch's CPU build (0.2 GB) instead of the CUDA build (2.9 GB)?"
    if not sys.stdin.isatty():
        say(f"{question} No terminal to ask: yes. TORCH_ARGS chooses another build.")
        return "cpu"
    return "cuda" if input(f"{question} [Y/n] ").strip().lower() in ("n", "no") else "cpu"


def say(sentence: str) -> None:
    """One line for people, at once."""
    print(sentence, flush=True)


def digest(wanted: str) -> str:
    """Changes when a requirement, the set or TORCH_ARGS changes."""
    content = [wanted, os.environ.get("TORCH_ARGS", "").strip()]
    content += [(REQUIREMENTS / name).read_text() for name in ["torch.txt", *SETS[wanted]]]
    return hashlib.sha256("\0".join(content).encode()).hexdigest()


def stamp() -> "dict[str, str]":
    """What was installed last: a digest for each set, and the build of torch."""
    try:
        found = json.loads(STAMP.read_text())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def environment_works() -> bool:
    """A virtual environment does not survive a move of its folder or an upgrade of its Python."""
    if not PYTHON.exists():
        return False
    check = "import sys; print(sys.prefix, sys.version_info[0], sys.version_info[1])"
    result = subprocess.run([str(PYTHON), "-c", check], capture_output=True, text=True)
    words = result.stdout.strip().rsplit(" ", 2)
    if result.returncode != 0 or len(words) != 3:
        return False
    return Path(words[0]).resolve() == ENVIRONMENT.resolve() and (3, 11) <= (int(words[1]), int(words[2])) <= (3, 14)


def make_environment() -> None:
    """Create `.venv` in the checkout, unless a working one is there. Ends in words when it cannot."""
    if environment_works():
        return
    say(f"Creating {ENVIRONMENT}")
    result = subprocess.run([sys.executable, "-m", "venv", "--clear", str(ENVIRONMENT)], capture_output=True, text=True)
    if result.returncode != 0:
        hint = "install your system's python3-venv package" if "ensurepip" in result.stdout + result.stderr else ""
        sys.exit(
            f"The virtual environment could not be made: {hint or (result.stderr or result.stdout).strip()[-400:]}"
        )


def announce(wanted: str, build: str) -> None:
    """Say what will be downloaded, and how big it is."""
    rest_mb, rest_gb = REST[wanted]
    if build == "given":
        say(f"Downloading about {rest_mb} MB of packages, and torch as TORCH_ARGS says (0.1 to 3 GB).")
        return
    torch_mb, torch_gb = SIZES[build]
    say(
        f"Downloading about {(torch_mb + rest_mb) / 1000:.1f} GB once (torch {torch_mb / 1000:.1f} GB, PostgreSQL and"
        f" the other packages {rest_mb / 1000:.1f} GB) into {ENVIRONMENT}, {torch_gb + rest_gb:.1f} GB on disk."
    )


def reachable(index: str) -> bool:
    """Whether a package index answers."""
    try:
        with urllib.request.urlopen(f"{index}/torch/", timeout=8) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def torch_arguments(build: str) -> "list[str]":
    """Where pip takes torch from. The CPU index is used only when it answers, so that an offline pip still works."""
    if build == "given":
        return shlex.split(os.environ["TORCH_ARGS"])
    if build == "cpu" and platform.system() == "Linux":
        if reachable(CPU_INDEX):
            return ["--no-deps", "--index-url", CPU_INDEX]  # its other packages come from the usual place, below
        say("The index of CPU builds does not answer: torch comes from where pip is set up to look.")
    return []


def pip(*arguments: str) -> None:
    """Install with the environment's own pip. Ends in words when it fails."""
    command = [str(PYTHON), "-m", "pip", "install", "--disable-pip-version-check", "--only-binary=:all:", *arguments]
    if not sys.stdout.isatty():
        command += ["--quiet", "--progress-bar=off"]
    if subprocess.run(command, cwd=CHECKOUT).returncode != 0:
        sys.exit("pip could not install the packages; its last lines say why. Run the same command again to go on.")


def install(wanted: str) -> None:
    """Bring .venv in step with requirements/. Does nothing when it is."""
    known = stamp() if environment_works() else {}
    now = digest(wanted)
    if known.get(wanted) == now:
        return
    build = torch_build(known.get("torch"))
    if wanted in known:
        say(f"The requirements have changed: bringing {ENVIRONMENT} in step with them.")
    else:
        announce(wanted, build)
    make_environment()
    pip("-r", "requirements/torch.txt", *torch_arguments(build))
    pip("-r", "requirements/torch.txt", *[part for name in SETS[wanted] for part in ("-r", f"requirements/{name}")])
    # A larger set contains the smaller ones.
    contained = [name for name in SETS if set(SETS[name]) <= set(SETS[wanted])]
    STAMP.write_text(json.dumps({**{name: digest(name) for name in contained}, "torch": build}))


def main() -> None:
    """Refuse or install, then become the command that was asked for."""
    reason = refusal()
    if reason is not None:
        other = other_python() if "needs CPython" in reason else None
        if other is None:
            sys.exit(reason)
        os.execv(other, [other, str(Path(__file__).resolve()), *sys.argv[1:]])
    wanted, command = sys.argv[1:2], sys.argv[2:]
    if len(wanted) != 1 or wanted[0] not in SETS:
        sys.exit(f"Usage: bootstrap.py {'|'.join(SETS)} [arguments of .venv/bin/python …]; or simply: make up")
    install(wanted[0])
    if command:
        os.chdir(str(CHECKOUT))
        os.execv(str(PYTHON), [str(PYTHON), *command])


if __name__ == "__main__":
    main()
