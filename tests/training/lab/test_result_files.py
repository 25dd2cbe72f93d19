"""Long commands look first at where their result goes, and tell what stops them in words."""

import subprocess
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from training.lab import refits
from training.lab.race import race
from training.lab.race.lap import Lap


@pytest.mark.parametrize("word", ["compare", "overoptimise", "rewards"])
def test_an_experiment_does_not_begin_without_a_folder_for_its_result(word: str, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match=r"there is no folder .*nowhere: make it"):
        call_command("lab", word, taste="brevity", json=tmp_path / "nowhere" / "x.json")
    with pytest.raises(CommandError, match="is a folder"):
        call_command("lab", word, taste="brevity", json=tmp_path)


@pytest.mark.parametrize("word", ["compare", "overoptimise"])
def test_nor_without_one_for_its_picture(word: str, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="there is no folder"):
        call_command("lab", word, taste="brevity", json=tmp_path / "x.json", plot=tmp_path / "nowhere" / "x.svg")


@pytest.mark.parametrize("word", ["judging", "training", "refit", "updates"])
def test_nor_does_a_bench(word: str, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="there is no folder"):
        call_command("bench", word, json=str(tmp_path / "nowhere" / "x.json"))


@pytest.mark.parametrize("trouble", [ValueError("too few judgments"), OSError("no space left")])
def test_what_stops_a_bench_is_told_in_words(trouble: Exception, monkeypatch) -> None:
    def broken(**given: int) -> None:
        raise trouble

    monkeypatch.setattr(refits, "measure", broken)
    with pytest.raises(CommandError, match=str(trouble)):
        call_command("bench", "refit")


def test_a_lap_that_does_not_end_is_told_in_words(monkeypatch, tmp_path: Path) -> None:
    def endless(command: list[str], **given: object) -> None:
        raise subprocess.TimeoutExpired(command, race.LAP_SECONDS)

    monkeypatch.setattr(subprocess, "run", endless)
    with pytest.raises(race.RaceFailed, match=r"trl was still at .* after 30 minutes"):
        race.Race(tmp_path, Path("python"))._lap("trl", Lap("dpo", "material", 8))
