"""The doctor names what is wrong and how to mend it."""

import shutil
import socket
import sys
from collections import namedtuple
from pathlib import Path

import pytest

from alignment_site import bootstrap, direct, doctor
from alignment_site.doctor import State

Usage = namedtuple("Usage", "total used free")


def test_this_machine_has_what_the_tests_need() -> None:
    assert doctor.machine().state is State.GOOD
    assert doctor.home().state is State.GOOD


def test_little_disk_is_bad_and_says_what_then_happens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda path: Usage(10, 9, 1_999_999_999))
    found = doctor.disk()
    assert found.state is State.BAD
    assert "the loop pauses" in found.mend


def test_a_package_of_another_version_and_a_missing_one_are_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("torch.txt", *bootstrap.SETS["site"]):
        (tmp_path / name).write_text("# nothing\n")
    (tmp_path / "web.txt").write_text("django==1.0\nno-such-package[extra]==2.0\npsutil==7.2.2; python_version > '3'\n")
    monkeypatch.setattr(bootstrap, "REQUIREMENTS", tmp_path)
    found = doctor.packages()
    assert found.state is State.BAD
    assert "django is 5.2" in found.what
    assert "no-such-package is missing, not 2.0" in found.what
    assert "psutil" not in found.what


def test_a_port_taken_by_another_program_is_named_with_its_holder(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        monkeypatch.setenv("PORT", str(other.getsockname()[1]))
        monkeypatch.setattr(doctor, "_is_heed", lambda: False)
        found = doctor.port()
    assert found.state is State.BAD
    assert Path(sys.executable).name.rstrip("0123456789.") in found.what
    assert doctor.port().state is State.GOOD


def test_an_address_of_another_machine_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEED_HOST", "192.0.2.1")
    found = doctor.port()
    assert found.state is State.BAD
    assert "HEED_HOST" in found.mend


def test_the_cache_of_training_runs_is_told_with_its_limit(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HEED_HOME", str(tmp_path))
    monkeypatch.setenv("HEED_CACHE_MAX_MB", "7")
    folder = tmp_path / "projects" / "1" / "cache" / "states"
    folder.mkdir(parents=True)
    (folder / "one.safetensors").write_bytes(bytes(3_000_000))
    found = doctor.cache()
    assert found.what == "the runs' cache takes 3 MB in 1 project; each keeps at most 7 MiB (HEED_CACHE_MAX_MB)"


@pytest.mark.django_db(transaction=True)
def test_a_database_without_durability_is_bad() -> None:
    found = doctor.database()  # the tests' own server has it switched off
    assert found.state is State.BAD
    assert "fsync" in found.what
    assert "lose judgments" in found.mend


@pytest.mark.django_db(transaction=True)
def test_a_notification_to_itself_arrives_and_the_tables_are_up_to_date() -> None:
    assert doctor.notifications().state is State.GOOD
    assert doctor.tables().state is State.GOOD


@pytest.mark.django_db(transaction=True)
def test_a_pooler_that_swallows_notifications_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "NOTIFY_SECONDS", 0.2)
    real = direct.connect

    class Deaf:
        def __init__(self, purpose: str) -> None:
            self.connection = real(purpose)

        def __enter__(self) -> "Deaf":
            return self

        def __exit__(self, *details: object) -> None:
            self.connection.close()

        def execute(self, query: str) -> None:
            if not query.startswith("LISTEN"):
                self.connection.execute(query)

        def notifies(self, **options: object) -> object:
            return self.connection.notifies(timeout=0.2, stop_after=1)

    monkeypatch.setattr(direct, "connect", Deaf)
    found = doctor.notifications()
    assert found.state is State.BAD
    assert "DATABASE_DIRECT_URL" in found.mend
