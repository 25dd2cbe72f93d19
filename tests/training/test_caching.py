"""The cache of a project's runs: rows point to files, files have rows, and both go with what they are of."""

import os
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
import torch
from django.conf import settings
from django.utils import timezone

from labeling.models import Project, Role
from tests.training.cast import a_comparison, a_judgment, a_person, a_policy, a_project, a_prompt
from training import child, children, disk, running, snapshot
from training.caching import cache_folder, cached_bytes, evict, file_of, forget_model, register_shards
from training.dials import reward_recipe
from training.erasing import erase_project
from training.folders import located, project_folder, stored
from training.learning.cache import ResponseCache
from training.learning.job import Job
from training.learning.shards import Origin, open_shard, write_shard
from training.models import CachedShard, RewardVersion, Run
from training.queries.runs import run_page

pytestmark = pytest.mark.django_db
DIGEST = "d" * 64


def a_shard(project: Project, digest: str = DIGEST, count: int = 3) -> Path:
    origin = Origin("reference", digest, "float32", "m" * 64)
    entries = {os.urandom(32): torch.rand(4) for _ in range(count)}
    return write_shard(cache_folder(project) / origin.folder, origin, entries)


def test_a_new_file_gets_a_row_that_says_what_it_is() -> None:
    project = a_project()
    run = Run.objects.create(project=project, kind="reward", state="done")
    path = a_shard(project)
    assert register_shards(project, run) == 0
    row = CachedShard.objects.get(project=project)
    assert (row.kind, row.model_digest, row.dtype, row.responses) == ("reference", DIGEST, "float32", 3)
    assert (row.run, row.sha256, row.bytes) == (run, path.stem, path.stat().st_size)
    assert file_of(row) == path
    register_shards(project)
    assert CachedShard.objects.filter(project=project).count() == 1
    assert disk.used_bytes(project) == cached_bytes(project) == path.stat().st_size


def test_a_row_whose_file_is_gone_goes() -> None:
    project = a_project()
    path = a_shard(project)
    a_shard(project)
    register_shards(project)
    path.unlink()
    register_shards(project)
    assert [file_of(row).is_file() for row in CachedShard.objects.filter(project=project)] == [True]


def test_what_was_used_longest_ago_goes_when_the_cache_is_full_and_never_beside_a_run_at_work() -> None:
    project, other = a_project(), a_project()
    elsewhere = a_shard(other)
    paths = [a_shard(project) for _ in range(4)]
    for age, path in enumerate(paths):
        os.utime(path, (1000 - age, 1000 - age))
    origin = Origin("reference", DIGEST, "float32", "m" * 64)
    oldest = open_shard(paths[3], origin)
    assert oldest is not None
    cache = ResponseCache(cache_folder(project), origin)
    assert cache.get(next(iter(oldest.rows))) is not None  # reading it is using it
    for one in (project, other):
        register_shards(one)
    room = cached_bytes(project) - 1
    run = Run.objects.create(project=project, kind="reward", state="running")
    assert evict(project, room) == 0
    Run.objects.filter(pk=run.pk).update(state="done")
    size = paths[2].stat().st_size
    assert evict(project, room) == size
    assert [path.exists() for path in (*paths, elsewhere)] == [True, True, False, True, True]
    assert CachedShard.objects.filter(project=project).count() == 3
    assert evict(project, room) == 0
    paths[1].unlink()
    assert evict(project, 0) == cached_bytes(other) * 3 and cached_bytes(project) == 0 and elsewhere.exists()


def test_tidying_keeps_the_cache_within_its_setting_and_what_the_models_leave(monkeypatch: pytest.MonkeyPatch) -> None:
    project = a_project(disk_budget_bytes=1000)
    a_shard(project)
    monkeypatch.setattr(settings, "CACHE_MAX_BYTES", 600)
    assert disk.cache_budget(project) == 600
    folder = project_folder(project, "runs", "1", "model")
    a_policy(project, 1, directory=stored(folder), bytes=700, anchor=True)
    assert disk.cache_budget(project) == 300
    monkeypatch.setattr(settings, "CACHE_MAX_BYTES", 0)
    assert disk.tidy(project) > 0 and cached_bytes(project) == 0


def test_what_a_killed_writer_left_goes_after_a_day() -> None:
    project = a_project()
    part = a_shard(project).with_suffix(".123.part")
    part.write_bytes(b"half")
    assert disk.tidy(project) == 0
    os.utime(part, (0, 0))
    assert disk.tidy(project) == 4
    assert not part.exists()


def test_deleting_a_models_weights_deletes_what_was_kept_of_it() -> None:
    project = a_project()
    gone = a_policy(project, 1, digest=DIGEST, deleted_at=timezone.now())
    twin = a_policy(project, 2, digest=DIGEST, state="refused")
    a_shard(project)
    other = a_shard(project, digest="e" * 64)
    register_shards(project)
    assert forget_model(project, gone.digest) == 0  # the other version has the same weights
    type(twin).objects.filter(pk=twin.pk).update(deleted_at=timezone.now())
    assert forget_model(project, gone.digest) > 0
    assert [file_of(row) for row in CachedShard.objects.filter(project=project)] == [other]
    assert other.is_file()


def test_tidying_away_a_version_takes_its_cache_along() -> None:
    project = a_project()
    for number in range(1, 6):
        folder = project_folder(project, "runs", str(number), "model")
        (folder / "model.safetensors").write_bytes(b"x" * 100)
        a_policy(project, number, directory=stored(folder), state="refused", digest=f"{number}" * 64)
    size = a_shard(project, digest="1" * 64).stat().st_size
    a_shard(project, digest="5" * 64)
    register_shards(project)
    assert disk.tidy(project) == 200 + size
    assert CachedShard.objects.get(project=project).model_digest == "5" * 64


def test_a_run_that_ends_leaves_rows_for_what_it_kept() -> None:
    project = a_project()
    folder = project_folder(project, "runs", "1")
    run = Run.objects.create(project=project, kind="reward", state="running", directory=stored(folder), attempts=1)

    def train(directory: Path, report: object, should_stop: object) -> dict[str, object]:
        a_shard(project)
        return {"passes": {"states": {"asked": 1200, "found": 1188, "computed": 12}, "other": {"asked": 0}}}

    assert child.execute(run, train) == "done"
    assert CachedShard.objects.get(project=project).run == run
    run.refresh_from_db()
    assert run_page(run).passes == [("Frozen features", "12 computed, 1,188 known")]


def test_a_run_is_told_of_the_cache_and_of_the_model_that_a_warm_start_goes_on_from(
    tiny_directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(snapshot, "mark_now", lambda: 2**62)
    project = a_project()
    a_policy(project, 1, directory=str(tiny_directory), current=True, anchor=True)
    a_judgment(a_comparison(a_prompt(project)), 1)
    warm = replace(reward_recipe(project), method="warm_start")

    def prepared() -> Job:
        run = running.ask_for_run(project=project, kind="reward")
        children.prepare(run)
        run.refresh_from_db()
        Run.objects.filter(pk=run.pk).update(state="done")
        return Job.read(Path(located(run.directory)))

    assert (prepared().cache, prepared().warm) == (str(cache_folder(project)), None)
    monkeypatch.setattr(children, "reward_recipe", lambda project: warm)
    assert prepared().warm is None  # there is none to go on from
    earlier = Run.objects.filter(project=project).order_by("pk").first()
    RewardVersion.objects.create(
        project=project, number=1, run=earlier, directory="home:somewhere", digest="r", state="active"
    )
    assert prepared().warm is None  # the earlier one kept nothing back, so nothing is left to measure its heir on
    Run.objects.filter(pk=earlier.pk if earlier else 0).update(result={"kept_back": 12})
    job = prepared()
    assert (job.warm, Path(str(job.learned)).is_file()) == (located("home:somewhere"), True)
    Run.objects.filter(pk=earlier.pk if earlier else 0).update(recipe={"method": "stepwise"})
    assert prepared().warm is None


@pytest.mark.django_db(transaction=True)
def test_erasing_a_project_takes_its_cache_and_rows_and_leaves_other_projects_alone() -> None:
    project, other = a_project(), a_project()
    owner = a_person(project, Role.OWNER)
    a_person(project, Role.OWNER)
    kept = a_shard(other)
    a_shard(project)
    for one in (project, other):
        register_shards(one)
    Project.objects.filter(pk=project.pk).update(archived_at=timezone.now() - timedelta(days=31))
    folder = cache_folder(project)
    record = erase_project(project=project, by=owner, why="The study is over.")
    assert record.what["training_cachedshard"] == 1
    assert not folder.exists()
    assert kept.is_file()
    assert [row.project_id for row in CachedShard.objects.all()] == [other.pk]
