"""What is kept on disk, and when the loop pauses for want of room."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.training.cast import a_policy, a_project
from training import disk
from training.disk import Kept, to_delete
from training.folders import located, project_folder, stored
from training.models import PolicyVersion, RewardVersion, Run


def chain(*needed: bool) -> list[Kept]:
    """Versions 1, 2, 3 …, each trained from the one before."""
    return [Kept(pk, pk - 1 or None, flag, True) for pk, flag in enumerate(needed, start=1)]


def test_the_last_three_stay_whatever_became_of_them() -> None:
    versions = [Kept(pk, None, False, True) for pk in range(1, 7)]
    assert to_delete(versions) == [1, 2, 3]


def test_what_is_promoted_stays_with_its_parents_in_lineage() -> None:
    versions = chain(False, False, True, False, False, False, False)
    assert to_delete(versions) == [4]


def test_what_is_gone_already_is_not_deleted_again() -> None:
    versions = [Kept(pk, None, False, pk != 1) for pk in range(1, 6)]
    assert to_delete(versions) == [2]


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 30)), max_size=30))
def test_nothing_needed_and_no_ancestor_of_it_is_ever_deleted(made: list[tuple[bool, int]]) -> None:
    versions = [Kept(pk, at % pk or None, needed, True) for pk, (needed, at) in enumerate(made, start=1)]
    gone = set(to_delete(versions))
    parents = {version.pk: version.parent for version in versions}
    for version in versions:
        at: int | None = version.pk if version.needed else None
        while at is not None:
            assert at not in gone
            at = parents[at]


@pytest.mark.django_db
def test_tidying_deletes_weights_and_leaves_rows_runs_and_other_peoples_files() -> None:
    project = a_project()
    a_policy(project, 1, anchor=True)  # the starter: not ours to delete
    for number in range(2, 8):
        folder = project_folder(project, "runs", str(number), "model")
        (folder / "model.safetensors").write_bytes(b"x" * 100)
        state = PolicyVersion.State.PROMOTED if number == 3 else PolicyVersion.State.REFUSED
        a_policy(project, number, directory=stored(folder), state=state, bytes=100)
    run = Run.objects.create(
        project=project, kind="reward", state="done", directory=stored(project_folder(project, "runs", "9"))
    )
    work = Path(located(run.directory), "work")
    work.mkdir()
    (work / "state.safetensors").write_bytes(b"y" * 50)
    RewardVersion.objects.create(project=project, number=1, directory="home:nowhere", digest="d", state="active")
    assert disk.used_bytes(project) == 600
    assert disk.tidy(project) == 250
    present = {version.number for version in project.policies.filter(deleted_at=None)}
    assert present == {1, 3, 5, 6, 7}
    assert not work.exists()
    assert disk.used_bytes(project) == 400
    assert disk.tidy(project) == 0


@pytest.mark.django_db
def test_little_room_pauses_the_loop_with_the_reason_and_room_lets_it_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    project = a_project()
    monkeypatch.setattr(disk, "free_bytes", lambda: 10**9)
    disk.watch(project)
    project.refresh_from_db()
    assert project.paused
    assert "1.0 GB are free" in project.paused_reason
    monkeypatch.setattr(disk, "free_bytes", lambda: 5 * 10**9)
    disk.watch(project)
    project.refresh_from_db()
    assert not project.paused
    assert [change.new for change in project.changes.filter(field="paused").order_by("pk")] == [True, False]


@pytest.mark.django_db
def test_a_pause_by_a_person_is_not_lifted_and_the_projects_own_budget_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(disk, "free_bytes", lambda: 10**12)
    project = a_project(paused=True, paused_reason="paused by Ana", disk_budget_bytes=2**28)
    disk.watch(project)
    project.refresh_from_db()
    assert project.paused
    a_policy(project, 2, directory="home:x", bytes=2**29)
    assert "its budget is 0.3 GB" in disk.trouble(project, 10**12)
