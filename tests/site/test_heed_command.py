"""What `manage.py heed` does before it runs anything."""

import io
import socket
import tarfile
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder

from alignment_site import backups
from alignment_site.management.commands import heed
from labeling.models import Project

LAST = ("procrastinate", "0041_post_retry_failed_job")


@pytest.fixture
def done(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What preparing did, in order."""
    done: list[str] = []

    def note_backup() -> Path:
        done.append("backup")
        return Path("saved.tar")

    def note_command(name: str, **options: Any) -> None:
        done.append(name)

    monkeypatch.setattr(backups, "before_migrating", note_backup)
    monkeypatch.setattr(heed, "call_command", note_command)
    return done


@pytest.mark.django_db
def test_waiting_migrations_are_applied_after_a_backup(done: list[str]) -> None:
    Project.objects.create(name="Letters", slug="letters")
    MigrationRecorder(connection).record_unapplied(*LAST)
    heed.prepare(lambda sentence: None)
    assert done == ["backup", "migrate"]


@pytest.mark.django_db
def test_an_empty_database_is_migrated_without_a_backup_and_gets_the_starter_project(
    done: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    MigrationRecorder(connection).flush()
    heed.prepare(lambda sentence: None)
    assert done == ["migrate", "seed"]


@pytest.mark.django_db
def test_a_site_that_is_up_to_date_and_in_use_is_left_alone(done: list[str]) -> None:
    Project.objects.create(name="Letters", slug="letters")
    heed.prepare(lambda sentence: None)
    assert done == []


def test_only_the_last_five_automatic_backups_are_kept(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HEED_HOME", str(tmp_path))
    monkeypatch.setattr(backups, "backup", lambda target, with_files: target.write_text("") and 0)
    (tmp_path / "backups").mkdir()
    for day in range(10, 17):
        (tmp_path / "backups" / f"before-migrating-202001{day}-000000.tar").write_text("")
    (tmp_path / "backups" / "my own.tar").write_text("")
    newest = backups.before_migrating()
    kept = sorted(path.name for path in (tmp_path / "backups").iterdir())
    assert len(kept) == 6
    assert newest.name in kept
    assert "my own.tar" in kept
    assert "before-migrating-20200112-000000.tar" not in kept


def test_a_taken_port_ends_the_command_with_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heed, "PORT_SECONDS", 0.0)
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        number = other.getsockname()[1]
        monkeypatch.setenv("PORT", str(number))
        with pytest.raises(CommandError, match=rf"Port {number} is taken by process \d+ .* Stop it, or choose: PORT="):
            call_command("heed", stdout=StringIO())


def test_there_is_no_database_part_where_somebody_else_runs_the_database() -> None:
    with pytest.raises(CommandError, match="DATABASE_URL"):
        call_command("heed", "--only", "db")


def test_the_number_of_web_processes_is_the_operators_choice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEED_WEB_PROCESSES", "3")
    with socket.socket() as listener:
        assert [part.name for part in heed.web_parts(listener)] == ["web 1", "web 2", "web 3"]


@pytest.mark.parametrize("name", ["../outside", "/outside", "files/../../outside"])
def test_an_archive_that_reaches_outside_is_no_backup(tmp_path: Path, name: str) -> None:
    archive = tmp_path / "evil.tar"
    with tarfile.open(archive, "w") as writing:
        member = tarfile.TarInfo(name)
        member.size = 4
        writing.addfile(member, io.BytesIO(b"evil"))
    inside = tmp_path / "inside"
    inside.mkdir()
    with tarfile.open(archive) as reading, pytest.raises(tarfile.TarError, match="does not belong"):
        backups._unpack(reading, inside)
    assert sorted(tmp_path.rglob("*")) == [archive, inside]


def test_an_archive_with_a_link_is_no_backup(tmp_path: Path) -> None:
    member = tarfile.TarInfo("link")
    member.type, member.linkname = tarfile.SYMTYPE, "/etc/passwd"
    with tarfile.open(tmp_path / "evil.tar", "w") as writing:
        writing.addfile(member)
    with tarfile.open(tmp_path / "evil.tar") as reading, pytest.raises(tarfile.TarError, match="does not belong"):
        backups._unpack(reading, tmp_path)
