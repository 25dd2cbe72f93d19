"""The one browser test of `make test`: the owner's link, the project, a verdict by keyboard, the next comparison."""

from typing import Any

import pytest

from labeling.actions.linking import create_owner_link, site_owner
from labeling.models import Judgment, Membership, Project, Role
from tests.conftest import LiveSite
from tests.e2e.conftest import settled

pytestmark = [pytest.mark.browser, pytest.mark.smoke]


def test_the_owner_signs_in_by_link_and_judges_with_a_key(page: Any, live_site: LiveSite, project: Project) -> None:
    Membership.objects.create(project=project, person=site_owner(), role=Role.OWNER)
    page.goto(f"{live_site.url}/link/{create_owner_link()}/")
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("heading", name="Projects").wait_for()
    page.get_by_role("link", name="Judge").click()
    page.get_by_text("Question 1?", exact=True).wait_for()
    settled(page)
    page.keyboard.press("2")
    page.get_by_text("Question 2?", exact=True).wait_for()
    assert [judgment.answer for judgment in Judgment.objects.all()] == [2]
    assert Judgment.objects.get().person == site_owner()
