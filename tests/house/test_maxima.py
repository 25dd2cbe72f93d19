"""The budgets that keep the house legible, and the words that must not be in it."""

import ast
import re
import statistics
from collections.abc import Callable
from pathlib import Path

from tests.house.tree import ROOT, functions, length, parsed, python_files, tracked

FILE_LINES = 500
FUNCTION_LINES = 70
LOOP_LINES = 120
VAGUE = {"utils", "helpers", "common", "base", "manager", "util", "helper", "misc"}
TOP_LEVEL = {
    *(
        "manage.py",
        "pyproject.toml",
        "Makefile",
        "README.md",
        "ARCHITECTURE.md",
        "DECISIONS.md",
    ),
    *("EXPERIMENTS.md", "CHANGELOG.md", "LICENSE", ".gitignore", ".gitattributes"),
    *(
        "requirements",
        ".ci",
        "alignment_site",
        "labeling",
        "training",
        "templates",
        "static",
        "tests",
    ),
}
CODE = {".py", ".js", ".css", ".html"}


def own_code() -> list[Path]:
    """Code that we wrote: no vendored file, no migration."""
    return [p for p in tracked() if p.suffix in CODE and not {"vendor", "migrations"} & set(p.parts)]


def lines_of(path: Path) -> int:
    """How many lines a file has."""
    return len((ROOT / path).read_text(encoding="utf-8").splitlines())


def test_no_file_is_longer_than_its_budget() -> None:
    assert [f"{p}: {lines_of(p)}" for p in own_code() if lines_of(p) > FILE_LINES] == []


def test_no_function_is_longer_than_its_budget() -> None:
    long = [
        f"{path}:{node.lineno} {node.name}: {length(node)}"
        for path in python_files()
        for node in functions(path)
        if length(node) > (LOOP_LINES if path.name == "optimise.py" else FUNCTION_LINES)
    ]
    assert long == []


def test_every_function_is_annotated() -> None:
    bare = [
        f"{path}:{node.lineno} {node.name}"
        for path in python_files()
        for node in functions(path)
        if node.returns is None
    ]
    assert bare == []


def test_no_file_has_a_vague_name() -> None:
    assert [str(p) for p in tracked() if p.suffix == ".py" and p.stem in VAGUE and "templates" not in p.parts] == []


def test_the_top_level_is_fixed() -> None:
    assert {path.parts[0] for path in tracked()} - TOP_LEVEL == set()


def test_every_module_and_public_function_says_what_it_is() -> None:
    silent = [str(p) for p in python_files("alignment_site", "labeling", "training") if lines_of(p) and not doc(p)]
    silent += [
        f"{path}:{node.lineno} {node.name}"
        for path in python_files("alignment_site", "labeling", "training")
        for node in parsed(path).body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
        and not node.name.startswith("_")
        and not ast.get_docstring(node)
    ]
    assert silent == []


def doc(path: Path) -> str | None:
    """A module's docstring."""
    return ast.get_docstring(parsed(path))


def test_nothing_dangerous_is_called() -> None:
    pattern = re.compile(r"(?<![\w.])(eval|exec)\(|(?<!\w)pickle\.|torch\.load\(|trust_remote_code=True")
    found = [
        f"{path}:{number}"
        for path in python_files("alignment_site", "labeling", "training")
        for number, line in enumerate((ROOT / path).read_text(encoding="utf-8").splitlines(), 1)
        if pattern.search(line) and not line.lstrip().startswith("#")
    ]
    assert found == []


def test_every_requirement_is_pinned() -> None:
    loose = [
        f"{path}: {line}"
        for path in sorted((ROOT / "requirements").glob("*.txt"))
        for line in path.read_text(encoding="utf-8").splitlines()
        if line.strip() and not line.startswith(("#", "-")) and "==" not in line
    ]
    assert loose == []


def test_templates_hold_no_inline_script_or_style() -> None:
    pattern = re.compile(
        r"<style|<script(?![^>]*\bsrc=)|\sstyle=|\son[a-z]+=|hx-on|javascript:",
        re.IGNORECASE,
    )
    found = [
        f"{path}:{number}"
        for path in tracked()
        if path.suffix in {".html", ".svg"} and path.parts[0] in {"templates", "labeling", "training"}
        for number, line in enumerate((ROOT / path).read_text(encoding="utf-8").splitlines(), 1)
        if pattern.search(line)
    ]
    assert found == []


def test_the_median_file_and_function_stay_small(
    record_property: Callable[[str, object], None],
) -> None:
    """Reported aims, with a bound far enough out that only a change of habit breaks it."""
    files = sorted(lines_of(p) for p in python_files("alignment_site", "labeling", "training") if lines_of(p))
    sizes = sorted(
        length(node) for p in python_files("alignment_site", "labeling", "training") for node in functions(p)
    )
    record_property("median_file", statistics.median(files))
    record_property("p95_file", files[int(0.95 * len(files))])
    record_property("median_function", statistics.median(sizes))
    record_property("p95_function", sizes[int(0.95 * len(sizes))])
    assert statistics.median(files) <= 160
    assert statistics.median(sizes) <= 16
