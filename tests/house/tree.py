"""The checkout as the house tests see it: its own files, their imports and their functions."""

import ast
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("alignment_site", "labeling", "training", "tests")


@cache
def tracked() -> tuple[Path, ...]:
    """Every file that git tracks or would track, relative to the checkout."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
    return tuple(Path(name) for name in names if (ROOT / name).is_file())


def python_files(*rooms: str) -> list[Path]:
    """The Python files of some rooms (all, when none is named), migrations left out."""
    prefixes = rooms or (*ROOMS, "manage.py")
    return [
        path
        for path in tracked()
        if path.suffix == ".py"
        and "migrations" not in path.parts
        and any(str(path) == prefix or str(path).startswith(prefix + "/") for prefix in prefixes)
    ]


@cache
def parsed(path: Path) -> ast.Module:
    """A file's syntax tree."""
    return ast.parse((ROOT / path).read_text(encoding="utf-8"))


@cache
def imports(path: Path) -> tuple[str, ...]:
    """The dotted names that a file imports, at any depth."""
    return tuple(_imports(path))


def _imports(path: Path) -> Iterator[str]:
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module
            yield from (f"{node.module}.{name.name}" for name in node.names)


@cache
def functions(path: Path) -> tuple[ast.FunctionDef | ast.AsyncFunctionDef, ...]:
    """Every function and method of a file."""
    return tuple(node for node in ast.walk(parsed(path)) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def length(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """A function's lines, its docstring included, its decorators not."""
    return (node.end_lineno or node.lineno) - node.lineno + 1
