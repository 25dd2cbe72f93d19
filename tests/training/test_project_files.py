"""What a project has on disk: a judge's answers are its own, and all of it goes when the project is erased."""

from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import settings
from django.utils import timezone

from labeling.models import Project, Role
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
