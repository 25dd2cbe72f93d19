"""A reward run's report in the browser: axe finds nothing, and only its table is wider than a phone."""

from collections.abc import Callable
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe

from labeling.models import Membership, Project, Role
from tests.conftest import LiveSite
from tests.training.test_reward_report import a_report
from training.models import Run

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.mark.parametrize(("width", "scheme"), [(320, "dark"), (1280, "light")])
def test_the_report_can_be_read_by_everybody(
    desk: Callable[[Project], Any], project: Project, live_site: LiveSite, width: int, scheme: str
) -> None:
    page = desk(project)
    Membership.objects.update(role=Role.OWNER)
    run = Run.objects.create(project=project, kind="reward", state="done", result=a_report(200))
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": width, "height": 800})
    page.goto(f"{live_site.url}/p/{project.slug}/runs/{run.pk}/")
    assert page.locator("#report svg").count() == 2
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
