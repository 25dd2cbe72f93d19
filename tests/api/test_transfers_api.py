"""Files in and out over REST."""

import gzip
import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from rest_framework.test import APIClient

from labeling.actions.exporting import run_export
from labeling.actions.importing import ImportFailed, run_import
from labeling.models import Comparison, ExportJob, ImportJob, JobState, Person, Project
from tests.api.conftest import Connect
from tests.labeling.cast import project_of_ada
from tests.labeling.transfers import pair


@pytest.fixture(autouse=True)
def own_folder(settings: Any, tmp_path: Path) -> None:
    settings.TRANSFERS = tmp_path


def address(project: Project, path: Any) -> Any:
    return f"/api/projects/{project.slug}/{path}"


def upload(client: APIClient, project: Project, rows: Any, **more: Any) -> Any:
    data = "".join(json.dumps(row) + "\n" for row in rows).encode()
    file = SimpleUploadedFile("rows.jsonl", data)
    return client.post(address(project, "imports/"), {"file": file, **more}, format="multipart")


def work_off(job_id: int) -> None:
    """What the worker does with an import."""
    with suppress(ImportFailed):
        run_import(job=ImportJob.objects.get(pk=job_id))


def test_a_file_is_taken_in_and_read_by_the_worker(project: Project, ada: Person, connect: Connect) -> None:
    client = connect(ada)
    reply = upload(client, project, [pair(1), pair(2)], origin="model:gpt-4")
    assert reply.status_code == 202 and reply.json()["state"] == "waiting"
    work_off(reply.json()["id"])
    job = client.get(address(project, f"imports/{reply.json()['id']}/")).json()
    assert (job["state"], job["added"], job["origin"], job["report"]) == ("done", 2, "model:gpt-4", [])
    assert Comparison.objects.count() == 2
    assert [row["id"] for row in client.get(address(project, "imports/")).json()["results"]] == [job["id"]]


def test_what_is_wrong_with_a_file_is_on_its_job(project: Project, ada: Person, connect: Connect) -> None:
    client = connect(ada)
    reply = upload(client, project, [pair(1), {"prompt": 1, "chosen": None, "rejected": ""}])
    work_off(reply.json()["id"])
    job = client.get(address(project, f"imports/{reply.json()['id']}/")).json()
    assert job["state"] == "failed" and "1 of 2 rows are bad" in job["error"]
    assert job["report"][0]["line"] == 2


def test_an_upload_that_makes_no_sense_is_refused_and_leaves_no_file(
    project: Project, ada: Person, connect: Connect, settings: Any
) -> None:
    client = connect(ada)
    for wrong in ({"origin": "gpt"}, {"format": "csv"}):
        assert upload(client, project, [pair(1)], **wrong).status_code == 400
    assert upload(client, project, []).status_code == 400
    assert client.post(address(project, "imports/"), {}, format="multipart").status_code == 400
    settings.IMPORT_MAX_BYTES = 10
    assert "HEED_IMPORT_MAX_MB" in upload(client, project, [pair(1)]).json()["detail"]
    assert not ImportJob.objects.exists()
    assert not list(settings.TRANSFERS.glob("imports/*"))


def test_an_export_is_asked_for_written_and_fetched(project: Project, ada: Person, connect: Connect) -> None:
    client = connect(ada)
    work_off(upload(client, project, [pair(n) for n in range(9)]).json()["id"])
    reply = client.post(address(project, "exports/"), {"format": "trl", "held_out": True}, format="json")
    assert reply.status_code == 202
    path = address(project, f"exports/{reply.json()['id']}/")
    assert client.get(path + "file/").status_code == 404
    run_export(job=ExportJob.objects.get())
    job = client.get(path).json()
    assert job["state"] == "done" and job["rows"] == job["manifest"]["rows"] == 9
    file: Any = client.get(path + "file/")
    rows = gzip.decompress(b"".join(file.streaming_content)).splitlines()
    assert len(rows) == 9 and json.loads(rows[0])["chosen"][0]["content"].startswith("Good")


def test_options_that_do_not_go_together_are_refused(project: Project, ada: Person, connect: Connect) -> None:
    client = connect(ada)
    for wrong in ({"format": "original", "file": "parquet"}, {"format": "x"}, {"frozen": "1; DROP TABLE"}):
        assert client.post(address(project, "exports/"), wrong, format="json").status_code == 400
    assert not ExportJob.objects.exists()


def test_jobs_of_another_project_are_not_there(project: Project, ada: Person, connect: Connect) -> None:
    other = project_of_ada()
    job = ExportJob.objects.create(project=other, format="trl")
    assert connect(ada).get(address(project, f"exports/{job.pk}/")).status_code == 404


@pytest.mark.django_db(transaction=True)
def test_the_worker_takes_every_waiting_job_once(connect: Connect) -> None:
    from training.tasks import enqueue_waiting, export_file, import_file

    project = project_of_ada()
    client = connect(project.memberships.get().person)
    first = upload(client, project, [pair(1)]).json()["id"]
    second = client.post(address(project, "exports/"), {"held_out": True}, format="json").json()["id"]
    assert enqueue_waiting() == 2 and enqueue_waiting() == 0
    import_file(first)
    export_file(second)
    assert ImportJob.objects.get().state == ExportJob.objects.get().state == JobState.DONE
    assert ExportJob.objects.get().rows == 1
