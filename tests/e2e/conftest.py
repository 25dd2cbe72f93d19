"""A browser signed in to a project that has something to judge."""

from collections.abc import Callable
from typing import Any

import pytest

from labeling.models import Project
from tests.conftest import LiveSite
from tests.e2e.desk import long_answer, member, project_with, sign_in

Open = Callable[[], Any]


@pytest.fixture
def project(live_site: LiveSite) -> Project:
    pairs = [(f"Question {n}?", f"left {n}", f"right {n}") for n in range(1, 7)]
    return project_with(*pairs)


@pytest.fixture
def long_project(live_site: LiveSite) -> Project:
    return project_with(("Long?", long_answer(3_000, "first"), long_answer(3_000, "second")))


@pytest.fixture
def desk(page: Any, live_site: LiveSite) -> Callable[[Project], Any]:
    """Open the judging page of a project as a new member, past the time in which keys are ignored."""

    def open_desk(project: Project, name: str = "charlie") -> Any:
        sign_in(page, member(project, name), live_site.url)
        page.goto(f"{live_site.url}/p/{project.slug}/judge/")
        settled(page)
        return page

    return open_desk


def settled(page: Any) -> None:
    """Wait until keys are verdicts again."""
    page.wait_for_timeout(350)
