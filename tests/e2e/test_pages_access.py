"""Every page of a project, seen by an owner: axe finds nothing, nothing is wider than a phone, no script fails."""

from collections.abc import Callable
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe

from labeling.models import Membership, Project, Role
from tests.conftest import LiveSite

pytestmark = [pytest.mark.browser, pytest.mark.slow]
PAGES = {
    "home": "/",
    "account": "/account/",
    "sign in": "/accounts/login/",
    "new project": "/projects/new/",
    **{name: f"/p/letters/{name}/" for name in ("prompts", "guidelines", "members", "settings", "runs", "policies")},
    **{name: f"/p/letters/{name}/" for name in ("try", "import", "export", "reports", "history", "methods")},
    "overview": "/p/letters/",
    "write guidelines": "/p/letters/guidelines/edit/",
    "missing": "/p/nowhere/",
}


@pytest.mark.parametrize(("width", "scheme"), [(320, "dark"), (1280, "light")])
def test_every_page_can_be_read_by_everybody(
    desk: Callable[[Project], Any], project: Project, live_site: LiveSite, width: int, scheme: str
) -> None:
    page = desk(project)
    Membership.objects.update(role=Role.OWNER)
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": width, "height": 800})
    wrong = []
    for name, path in PAGES.items():
        page.goto(f"{live_site.url}{path}")
        found = Axe().run(page)
        if found.violations_count:
            wrong.append(f"{name}: {found.generate_report()}")
        wide = page.evaluate("document.documentElement.scrollWidth")
        if wide > width:
            wrong.append(f"{name} is {wide} px wide on a screen of {width}")
    assert not wrong, "\n".join(wrong)
