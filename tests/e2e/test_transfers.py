"""A file in and a file out, in the browser."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from labeling.actions.exporting import run_export
from labeling.actions.importing import run_import
from labeling.models import Comparison, ExportJob, ImportJob, Project, Role
from tests.conftest import LiveSite
from tests.e2e.desk import member, project_with, sign_in
from tests.labeling.transfers import lines_file, pair

pytestmark = pytest.mark.browser
Open = Callable[[str], Any]


@pytest.fixture
def project(live_site: LiveSite) -> Project:
    return project_with()


@pytest.fixture
def opened(page: Any, live_site: LiveSite, project: Project) -> Open:
    sign_in(page, member(project, "rune", Role.RESEARCHER), live_site.url)

    def go(tab: str) -> Any:
        page.goto(f"{live_site.url}/p/{project.slug}/{tab}/")
        return page

    return go


def test_a_file_goes_in_and_the_page_follows_by_itself(opened: Open, tmp_path: Path) -> None:
    page = opened("import")
    page.set_input_files("input[type=file]", lines_file(tmp_path, [pair(n) for n in range(5)]))
    page.get_by_role("button", name="Import").click()
    page.get_by_text("Waiting").wait_for()
    run_import(job=ImportJob.objects.get())  # what the worker does
    page.get_by_text("5 rows read, 5 added").wait_for()
    assert Comparison.objects.count() == 5


def test_an_export_appears_and_is_downloaded(opened: Open, tmp_path: Path) -> None:
    page = opened("export")
    page.get_by_label("With rows of held-out prompts").check()
    page.get_by_role("button", name="Export").click()
    page.get_by_text("on its way").wait_for()
    run_export(job=ExportJob.objects.get())
    with page.expect_download() as download:
        page.get_by_role("link", name="Manifest").click()
    assert json.loads(Path(download.value.path()).read_text())["options"]["held_out"] is True
