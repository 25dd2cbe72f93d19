"""`make check`: everything that can be known about the code without running it. All findings, then one verdict."""

import filecmp
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent
DJADE = str(Path(sys.executable).with_name("djade"))  # a program, not a module
OPENAPI = "labeling/api/openapi.yaml"


def run(name: str, *arguments: str, program: str = sys.executable) -> bool:
    """Run one check and say how it went."""
    started = time.monotonic()
    passed = subprocess.run([program, *arguments], cwd=CHECKOUT).returncode == 0
    print(f"{'ok    ' if passed else 'FAILED'} {name} ({time.monotonic() - started:.0f} s)", flush=True)
    return passed


def templates() -> list[str]:
    """Every template of the checkout."""
    return [str(path.relative_to(CHECKOUT)) for path in sorted(CHECKOUT.glob("templates/**/*.html"))]


def openapi_in_step(folder: str) -> bool:
    """The committed description of the API is the one that the code gives."""
    fresh = Path(folder) / "openapi.yaml"
    options = ["spectacular", "--validate", "--fail-on-warn", "--file", str(fresh)]
    if not run("OpenAPI description", "manage.py", *options):
        return False
    kept = CHECKOUT / OPENAPI
    if kept.exists() and filecmp.cmp(fresh, kept, shallow=False):
        return True
    print(f"FAILED {OPENAPI} is not in step with the code: run make openapi")
    return False


def mend() -> None:
    """`make format`: what the tools can put right by themselves."""
    run("ruff", "-m", "ruff", "check", "--fix", "--quiet", ".")
    run("format", "-m", "ruff", "format", "--quiet", ".")
    run("templates", "--target-version", "5.2", *templates(), program=DJADE)


def main() -> None:
    """Run all checks; the exit status says whether every one passed."""
    if sys.argv[1:] == ["mend"]:
        mend()
        return
    with tempfile.TemporaryDirectory() as folder:
        os.environ["HEED_HOME"] = folder  # the checks read settings, which keep their secrets there
        results = [
            run("ruff", "-m", "ruff", "check", "."),
            run("format", "-m", "ruff", "format", "--check", "."),
            run("templates", "--target-version", "5.2", "--check", *templates(), program=DJADE),
            run("migrations", "manage.py", "makemigrations", "--check", "--dry-run"),
            openapi_in_step(folder),
            run("types", "-m", "mypy", "."),
        ]
    sys.exit(0 if all(results) else "make check found something; see above.")


if __name__ == "__main__":
    main()
