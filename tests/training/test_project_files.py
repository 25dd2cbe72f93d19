"""What a project has on disk: a judge's answers are its own, and all of it goes when the project is erased."""

from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import settings
from django.test import Client
from django.utils import timezone

from labeling.models import Erasure, ExportJob, ImportJob, Project, Role
from tests.training.cast import a_person, a_project
from tests.training.judges.chat_server import Served, chat_server, in_turn
from training import working
from training.erasing import clear_erased, erase_project
from training.folders import project_folder
from training.judging import judge_client
from training.learning.judges import Question

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def a_home_of_its_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(settings, "HEED_HOME", tmp_path)


def erase(project: Project) -> None:
    owner = a_person(project, Role.OWNER)
    Project.objects.filter(pk=project.pk).update(archived_at=timezone.now() - timedelta(days=31))
    erase_project(project=project, by=owner, why="The study is over.")


def a_file(number: int | None) -> Path:
    path: Path = settings.HEED_HOME / "projects" / str(number) / "runs" / "1" / "snapshot.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("{}")
    return path


def test_a_judges_answers_lie_in_the_projects_folder_and_go_with_it(
    monkeypatch, tmp_path: Path, django_capture_on_commit_callbacks
) -> None:
    project, other = a_project(), a_project()
    monkeypatch.setenv("HEED_JUDGE_MODEL", "test")
    with chat_server(in_turn(Served("MARKED"), Served("MARKED"))) as server:
        monkeypatch.setenv("HEED_JUDGE_URL", server.url)
        for one in (project, other):
            client = judge_client(one)
            assert client is not None
            client.ask(Question(({"role": "user", "content": "Sea?"},)))
    kept = project_folder(other)
    holding = [path for path in tmp_path.rglob("*") if path.is_file() and b"MARKED" in path.read_bytes()]
    assert {path.relative_to(tmp_path).parts[1] for path in holding} == {str(project.pk), str(other.pk)}
    with django_capture_on_commit_callbacks(execute=True):
        erase(project)
    holding = [path for path in holding if path.exists()]
    assert len(holding) == 1 and holding[0].is_relative_to(kept)


def test_an_owner_erases_a_project_on_its_settings_page_with_its_files_and_transfers(
    client: Client, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, django_capture_on_commit_callbacks
) -> None:
    monkeypatch.setattr(settings, "TRANSFERS", tmp_path / "transfers")
    project, other = a_project(), a_project()
    client.force_login(a_person(project, Role.OWNER))
    own, kept = a_file(project.pk), a_file(other.pk)
    theirs = tmp_path / "their own.jsonl"
    (tmp_path / "transfers" / "exports").mkdir(parents=True)
    exported = [tmp_path / "transfers" / "exports" / name for name in ("1.jsonl", "1.jsonl.manifest.json", "2.jsonl")]
    for path in (theirs, *exported):
        path.write_text("{}")
    ExportJob.objects.create(project=project, format="trl", path=str(exported[0]))
    ExportJob.objects.create(project=other, format="trl", path=str(exported[2]))
    ImportJob.objects.create(project=project, name="theirs", path=str(theirs))
    pages = f"/p/{project.slug}/"
    sure = {"slug": project.slug, "why": "The study is over."}

    def answered(form: dict[str, str]) -> str:
        with django_capture_on_commit_callbacks(execute=True):
            return client.post(f"{pages}erase/", form, follow=True).content.decode()

    assert "Archive the project first" in answered(sure)
    Project.objects.filter(pk=project.pk).update(archived_at=timezone.now() - timedelta(days=3))
    assert "Erase for good" not in client.get(f"{pages}settings/").content.decode()
    Project.objects.filter(pk=project.pk).update(archived_at=timezone.now() - timedelta(days=31))
    assert "Erase for good" in client.get(f"{pages}settings/").content.decode()
    assert "to say that you mean it" in answered({**sure, "slug": other.slug})
    assert "Say why" in answered({**sure, "why": " "})
    assert own.exists() and exported[0].exists()
    assert f"{project.name} is erased" in answered(sure)
    assert [path.exists() for path in (own, kept, theirs, *exported)] == [False, True, True, False, False, True]
    assert Erasure.objects.get().why == "The study is over." and not Project.objects.filter(pk=project.pk).exists()


def test_nobody_but_an_owner_erases(client: Client) -> None:
    project = a_project(archived_at=timezone.now() - timedelta(days=31))
    client.force_login(a_person(project, Role.RESEARCHER))
    assert client.post(f"/p/{project.slug}/erase/", {"slug": project.slug, "why": "Mine."}).status_code == 403
    assert Project.objects.filter(pk=project.pk).exists()


def test_what_an_erasure_could_not_delete_goes_with_the_next_tidying(django_capture_on_commit_callbacks) -> None:
    project, other = a_project(), a_project()
    number = project.pk
    left, living, unknown = a_file(number), a_file(other.pk), a_file(987_654_321)
    with django_capture_on_commit_callbacks():  # the process ended before it could delete anything
        erase(project)
    assert left.exists() and clear_erased() == 1 and not left.exists()
    late = a_file(number)  # by a run that had not noticed yet
    worker = working.Worker()
    worker._tidy()
    assert not late.exists()
    worker._tidy()  # not due again
    assert living.exists() and unknown.exists()  # another database's, perhaps


def test_a_disk_that_does_not_answer_leaves_the_worker_alive(monkeypatch) -> None:
    def broken() -> int:
        raise OSError("no space left")

    monkeypatch.setattr(working, "clear_reasons", broken)
    working.Worker()._tidy()
