"""Import and export in the browser: a form, a list that tells how far it is, a download."""

import json
import os
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import HttpResponse

from labeling.actions.errors import Refusal
from labeling.actions.exporting import run_export
from labeling.actions.importing import ImportFailed, run_import
from labeling.actions.receiving import clear_transfers, import_without_bad_rows, receive_file
from labeling.models import Comparison, ExportJob, ImportJob, JobState
from tests.labeling.pages.conftest import Cast
from tests.labeling.transfers import pair


@pytest.fixture(autouse=True)
def own_folder(settings: Any, tmp_path: Path) -> None:
    settings.TRANSFERS = tmp_path


def upload(cast: Cast, *rows: Any, **fields: str) -> Any:
    data = "".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows).encode()
    sent = {"file": SimpleUploadedFile("pairs.jsonl", data), "whose": "unknown", "format": "", **fields}
    return cast.client(cast.rune).post(cast.url("import/"), sent)


def work_off() -> ImportJob:
    job = ImportJob.objects.latest("pk")
    with suppress(ImportFailed):
        run_import(job=job)
    return job


def shown(cast: Cast, page: str = "import/") -> str:
    reply: HttpResponse = cast.client(cast.rune).get(cast.url(page))
    assert reply.status_code == 200
    return reply.content.decode()


@pytest.mark.parametrize("page", ["import/", "export/"])
def test_annotators_and_strangers_stay_out(cast: Cast, page: str) -> None:
    assert cast.client(cast.ada).get(cast.url(page)).status_code == 403
    assert cast.client(cast.stan).get(cast.url(page)).status_code == 404


def test_the_page_says_what_a_file_may_hold_and_what_came_in(cast: Cast) -> None:
    assert "What a file may hold" in shown(cast) and "&quot;preference_strength&quot;: -3" in shown(cast)
    upload(cast, pair(1), {"prompt": "Why?", "completion": "So."})
    work_off()
    assert "2 added (1 demonstration, 1 pair)" in shown(cast) and "What is wrong" not in shown(cast)


def test_a_file_is_taken_in_and_its_import_watched(cast: Cast, tmp_path: Path) -> None:
    assert upload(cast, pair(1), pair(2)).status_code == 302
    assert "Waiting" in shown(cast) and "every 2s" in shown(cast)
    job = work_off()
    page = shown(cast)
    assert "2 rows read, 2 added" in page and "Done" in page and "every 2s" not in page
    assert job.by == cast.rune and job.name == "pairs.jsonl"
    assert not list(tmp_path.glob("imports/*"))  # what is in needs no file


def test_the_model_that_labelled_is_named(cast: Cast) -> None:
    reply = upload(cast, pair(1), whose="model")
    assert reply.status_code == 400 and "Which model?" in reply.content.decode()
    assert upload(cast, pair(1), whose="model", model="gpt-4").status_code == 302
    assert work_off().origin == "model:gpt-4"


def test_bad_rows_are_named_and_can_be_left_out_with_one_click(cast: Cast) -> None:
    upload(cast, pair(1), "<b>{", pair(2))
    job = work_off()
    page = shown(cast)
    assert "1 of 3 rows are bad" in page and "not JSON" in page and "Import it without the bad rows" in page
    client = cast.client(cast.rune)
    assert client.post(cast.url(f"import/{job.pk}/again/")).status_code == 302
    assert work_off().added == 2 and Comparison.objects.count() == 2
    reply = client.post(cast.url(f"import/{job.pk}/again/"), follow=True)
    assert "no longer here" in reply.content.decode()


def test_what_stands_in_a_file_is_text_on_the_page(cast: Cast) -> None:
    upload(cast, {"<script>alert(1)</script>": 1})
    work_off()
    page = shown(cast)
    assert "<script>alert" not in page and "&lt;script&gt;alert" in page


def test_an_empty_or_too_large_file_is_refused_in_words(cast: Cast, settings: Any) -> None:
    assert "empty" in upload(cast).content.decode()
    settings.IMPORT_MAX_BYTES = 2**20
    assert "At most 1 MiB" in shown(cast)
    assert "Split it" in upload(cast, pair(1, note="x" * 2**20)).content.decode()
    assert not ImportJob.objects.exists()


def test_a_lying_size_does_not_get_past_the_limit(cast: Cast, settings: Any, tmp_path: Path) -> None:
    settings.IMPORT_MAX_BYTES = 100
    with pytest.raises(Refusal):
        receive_file(project=cast.project, by=cast.rune, name="a", size=1, chunks=[b"x" * 60, b"x" * 60])
    assert not list(tmp_path.glob("imports/*"))


def test_an_export_is_asked_for_and_downloaded_with_its_manifest(cast: Cast) -> None:
    upload(cast, *(pair(n) for n in range(3)))
    work_off()
    client = cast.client(cast.rune)
    sent = {"format": "trl", "file": "jsonl", "style": "standard", "prompt": "explicit", "held_out": "on"}
    assert client.post(cast.url("export/"), sent).status_code == 302
    assert "on its way" in shown(cast, "export/")
    job = ExportJob.objects.get()
    assert client.get(cast.url(f"export/{job.pk}/")).status_code == 404
    run_export(job=job)
    assert "Download" in shown(cast, "export/")
    reply: Any = client.get(cast.url(f"export/{job.pk}/manifest/"))
    assert json.loads(b"".join(reply.streaming_content))["rows"] == 3
    reply = client.get(cast.url(f"export/{job.pk}/"))
    assert "attachment" in reply["Content-Disposition"] and b"".join(reply.streaming_content)
    assert cast.client(cast.ada).get(cast.url(f"export/{job.pk}/")).status_code == 403


def test_the_export_page_counts_what_was_left_out(cast: Cast) -> None:
    row = {"instruction": "Say it.", "response1": "A", "response2": "B", "annotator1": 0}
    upload(cast, row)
    work_off()
    sent = {"format": "trl", "file": "jsonl", "style": "standard", "prompt": "explicit", "held_out": "on"}
    cast.client(cast.rune).post(cast.url("export/"), sent)
    run_export(job=ExportJob.objects.get())
    assert "1 tie" in shown(cast, "export/")


def test_options_that_do_not_go_together_are_explained(cast: Cast) -> None:
    sent = {"format": "original", "file": "parquet", "style": "standard", "prompt": "explicit"}
    reply = cast.client(cast.rune).post(cast.url("export/"), sent)
    assert reply.status_code == 400 and "JSON Lines only" in reply.content.decode()


def test_the_lists_cost_the_same_however_long(cast: Cast, django_assert_max_num_queries: Any) -> None:
    for page, model in (("import/", ImportJob), ("export/", ExportJob)):
        client = cast.client(cast.rune)
        for _ in range(2):
            with django_assert_max_num_queries(8):
                client.get(cast.url(page))
            model.objects.bulk_create(model(project=cast.project, by=cast.rune) for _ in range(15))


def test_files_without_a_job_and_old_ones_are_cleared_away(cast: Cast, tmp_path: Path) -> None:
    upload(cast, pair(1))
    kept = Path(ImportJob.objects.get().path)
    assert clear_transfers() == 0 and kept.is_file()
    orphan = tmp_path / "imports" / "orphan.jsonl"
    orphan.write_text("{}")
    assert clear_transfers() == 0  # its job may just be about to be written
    earlier = time.time() - 7200
    for path in (orphan, kept):
        os.utime(path, (earlier, earlier))
    assert clear_transfers() == 1 and not orphan.exists() and kept.is_file()
    job = run_export(job=ExportJob.objects.create(project=cast.project, format="trl", options={}))
    long_ago = time.time() - 40 * 86_400
    for path in (tmp_path / "exports").iterdir():
        os.utime(path, (long_ago, long_ago))
    assert clear_transfers() == 2 and job.state == JobState.DONE
    assert "Download" not in shown(cast, "export/")


def test_a_job_whose_file_is_gone_is_not_imported_again(cast: Cast) -> None:
    upload(cast, "{")
    job = work_off()
    Path(job.path).unlink()
    with pytest.raises(Refusal, match="upload it again"):
        import_without_bad_rows(job=job, by=cast.rune)
