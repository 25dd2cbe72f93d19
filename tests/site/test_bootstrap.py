"""`make up` before anything is installed."""

import ast
import io
import json
import platform
import sys
from pathlib import Path

import pytest

from alignment_site import bootstrap


def on(monkeypatch: pytest.MonkeyPatch, system: str, machine: str, libc: tuple[str, str] = ("glibc", "2.36")) -> None:
    monkeypatch.setattr(platform, "system", lambda: system)
    monkeypatch.setattr(platform, "machine", lambda: machine)
    monkeypatch.setattr(platform, "libc_ver", lambda: libc)


@pytest.mark.parametrize(
    ("system", "machine", "libc"),
    [
        ("Linux", "x86_64", ("glibc", "2.28")),
        ("Linux", "aarch64", ("glibc", "2.39")),
        ("Darwin", "arm64", ("", "")),
    ],
)
def test_supported_machines_are_not_refused(
    monkeypatch: pytest.MonkeyPatch, system: str, machine: str, libc: tuple[str, str]
) -> None:
    on(monkeypatch, system, machine, libc)
    assert bootstrap.refusal() is None


@pytest.mark.parametrize(
    ("system", "machine", "libc", "named"),
    [
        ("Windows", "AMD64", ("", ""), "Windows"),
        ("Darwin", "x86_64", ("", ""), "Darwin on x86_64"),
        ("Linux", "riscv64", ("glibc", "2.39"), "riscv64"),
        ("Linux", "x86_64", ("glibc", "2.17"), "glibc 2.17"),
        ("Linux", "x86_64", ("", ""), "another C library"),
    ],
)
def test_other_machines_are_refused_in_one_sentence_that_names_them(
    monkeypatch: pytest.MonkeyPatch, system: str, machine: str, libc: tuple[str, str], named: str
) -> None:
    on(monkeypatch, system, machine, libc)
    reason = bootstrap.refusal()
    assert reason is not None
    assert named in reason
    assert "\n" not in reason
    assert reason.endswith(".")


@pytest.mark.parametrize("version", [(3, 10, 9), (3, 15, 0)])
def test_other_pythons_are_refused(monkeypatch: pytest.MonkeyPatch, version: tuple[int, int, int]) -> None:
    monkeypatch.setattr(sys, "version_info", version)
    assert "CPython 3.11 to 3.14" in (bootstrap.refusal() or "")


def test_an_old_python_can_at_least_read_the_refusal() -> None:
    ast.parse(Path(bootstrap.__file__).read_text(), feature_version=(3, 6))


def test_without_a_driver_and_without_a_terminal_torch_is_the_cpu_build_and_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    on(monkeypatch, "Linux", "x86_64")
    monkeypatch.delenv("TORCH_ARGS", raising=False)
    monkeypatch.setattr(bootstrap, "has_nvidia_driver", lambda: False)
    monkeypatch.setattr("sys.stdin", io.StringIO("n"))
    assert bootstrap.torch_build(None) == "cpu"
    assert "No terminal to ask: yes" in capsys.readouterr().out
    assert bootstrap.torch_build("cuda") == "cuda"  # what was once chosen is not asked again


def test_torch_args_decide_without_a_question(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORCH_ARGS", "--index-url 'https://example.org/a b'")
    assert bootstrap.torch_build(None) == "given"
    assert bootstrap.torch_arguments("given") == ["--index-url", "https://example.org/a b"]


def test_the_cpu_index_is_left_out_when_it_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    on(monkeypatch, "Linux", "x86_64")
    monkeypatch.setattr(bootstrap, "reachable", lambda index: False)
    assert bootstrap.torch_arguments("cpu") == []
    monkeypatch.setattr(bootstrap, "reachable", lambda index: True)
    assert bootstrap.torch_arguments("cpu") == ["--no-deps", "--index-url", bootstrap.CPU_INDEX]


@pytest.fixture
def installation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, ...]]:
    """A checkout with requirements of its own; returns what pip was asked to do."""
    asked: list[tuple[str, ...]] = []
    requirements = tmp_path / "requirements"
    requirements.mkdir()
    for name in ("torch.txt", *bootstrap.SETS["all"]):
        (requirements / name).write_text("one==1\n")
    (tmp_path / ".venv").mkdir()
    monkeypatch.setattr(bootstrap, "REQUIREMENTS", requirements)
    monkeypatch.setattr(bootstrap, "STAMP", tmp_path / ".venv" / "stamp.json")
    monkeypatch.setattr(bootstrap, "environment_works", lambda: True)
    monkeypatch.setattr(bootstrap, "pip", lambda *arguments: asked.append(arguments))
    monkeypatch.setenv("TORCH_ARGS", "--quiet")
    return asked


def test_packages_are_installed_once_torch_first(installation: list[tuple[str, ...]]) -> None:
    bootstrap.install("site")
    assert [arguments[1] for arguments in installation] == ["requirements/torch.txt"] * 2
    assert installation[0] == ("-r", "requirements/torch.txt", "--quiet")
    bootstrap.install("site")
    assert len(installation) == 2


def test_changed_requirements_are_installed_again(installation: list[tuple[str, ...]]) -> None:
    bootstrap.install("site")
    (bootstrap.REQUIREMENTS / "web.txt").write_text("one==2\n")
    bootstrap.install("site")
    assert len(installation) == 4


def test_what_the_tests_need_contains_what_the_site_needs(installation: list[tuple[str, ...]]) -> None:
    bootstrap.install("test")
    bootstrap.install("site")
    assert len(installation) == 2
    assert set(json.loads(bootstrap.STAMP.read_text())) == {"site", "test", "torch"}
    bootstrap.install("all")
    assert len(installation) == 4


def test_an_environment_that_was_moved_is_made_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    moved = tmp_path / "moved" / ".venv"
    (moved / "bin").mkdir(parents=True)
    (moved / "bin" / "python").symlink_to(sys.executable)
    monkeypatch.setattr(bootstrap, "ENVIRONMENT", moved)
    monkeypatch.setattr(bootstrap, "PYTHON", moved / "bin" / "python")
    assert not bootstrap.environment_works()
    monkeypatch.setattr(bootstrap, "ENVIRONMENT", Path(sys.prefix))
    monkeypatch.setattr(bootstrap, "PYTHON", Path(sys.prefix) / "bin" / "python")
    assert bootstrap.environment_works()
