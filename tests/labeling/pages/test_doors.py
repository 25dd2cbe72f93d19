"""Who gets in where."""

import pytest
from django.test import Client

from labeling.actions.projecting import archive_project
from tests.labeling.pages.conftest import Cast

PAGES_FOR_ALL = ("guidelines/", "history/")
PAGES_FOR_RESEARCHERS = ("prompts/", "members/", "reports/", "guidelines/edit/", "runs/", "policies/", "try/")
PAGES_FOR_OWNERS = ("settings/",)


@pytest.mark.parametrize("page", ["", *PAGES_FOR_ALL, *PAGES_FOR_RESEARCHERS, *PAGES_FOR_OWNERS])
def test_a_stranger_is_told_that_there_is_no_such_project(cast: Cast, page: str) -> None:
    assert cast.client(cast.stan).get(cast.url(page)).status_code == 404


@pytest.mark.parametrize("page", ["", *PAGES_FOR_ALL, *PAGES_FOR_RESEARCHERS, *PAGES_FOR_OWNERS])
def test_somebody_signed_out_is_sent_to_sign_in(cast: Cast, page: str) -> None:
    answer = Client().get(cast.url(page))
    assert answer.status_code == 302
    assert answer["Location"].startswith("/accounts/login/")


@pytest.mark.parametrize("page", [*PAGES_FOR_RESEARCHERS, *PAGES_FOR_OWNERS])
def test_an_annotator_is_told_which_role_it_needs(cast: Cast, page: str) -> None:
    answer = cast.client(cast.ada).get(cast.url(page))
    assert answer.status_code == 403
    assert "needs the role" in answer.content.decode()


@pytest.mark.parametrize("page", ["", *PAGES_FOR_ALL, *PAGES_FOR_RESEARCHERS, *PAGES_FOR_OWNERS])
def test_an_owner_sees_every_page(cast: Cast, page: str) -> None:
    assert cast.client(cast.olive).get(cast.url(page)).status_code == 200


@pytest.mark.parametrize("page", PAGES_FOR_RESEARCHERS)
def test_a_researcher_sees_the_researchers_pages(cast: Cast, page: str) -> None:
    assert cast.client(cast.rune).get(cast.url(page)).status_code == 200


def test_a_revoked_member_is_a_stranger(cast: Cast) -> None:
    membership = cast.project.memberships.get(person=cast.ada)
    cast.client(cast.olive).post(cast.url(f"members/{membership.pk}/"), {"revoke": "1"})
    assert cast.client(cast.ada).get(cast.url("guidelines/")).status_code == 404


def test_the_last_owner_cannot_be_revoked(cast: Cast) -> None:
    membership = cast.project.memberships.get(person=cast.olive)
    answer = cast.client(cast.olive).post(cast.url(f"members/{membership.pk}/"), {"revoke": "1"}, follow=True)
    assert "keeps at least one owner" in answer.content.decode()
    assert cast.client(cast.olive).get(cast.url("members/")).status_code == 200


def test_an_archived_project_is_closed_to_all_but_its_owner(cast: Cast) -> None:
    archive_project(project=cast.project, by=cast.olive)
    assert cast.client(cast.ada).get(cast.url("guidelines/")).status_code == 403
    assert cast.client(cast.olive).get(cast.url("settings/")).status_code == 200
    cast.client(cast.olive).post(cast.url("archive/"))
    assert cast.client(cast.ada).get(cast.url("guidelines/")).status_code == 200
