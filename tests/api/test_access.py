"""Who may call what."""

import pytest
from rest_framework.test import APIClient

from labeling.actions.tokens import create_token, revoke_token
from labeling.models import Person, Project
from tests.api.conftest import Connect
from tests.labeling.cast import person, project_of_ada


def test_without_a_token_the_answer_is_401_and_names_the_scheme(project: Project) -> None:
    reply = APIClient().get("/api/projects/")
    assert reply.status_code == 401 and reply["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize("header", ["Bearer heed_nonsense", "Bearer", "bearer  ", "Bearer \xff"])
def test_a_token_that_is_none_is_refused(project: Project, header: str) -> None:
    reply = APIClient().get("/api/projects/", HTTP_AUTHORIZATION=header)
    assert reply.status_code == 401 and "unknown or has ended" in reply.json()["detail"]


def test_a_token_is_stored_as_a_hash_only_and_ends_at_once(project: Project, ben: Person) -> None:
    token, secret = create_token(person=ben, name="laptop")
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {secret}")
    assert secret not in (token.secret_hash, token.prefix) and secret.startswith(token.prefix)
    assert client.get("/api/projects/").status_code == 200
    revoke_token(token=token)
    assert client.get("/api/projects/").status_code == 401


def test_another_scheme_is_left_to_the_session(project: Project, ben: Person) -> None:
    client = APIClient()
    client.force_login(ben)
    assert client.get("/api/projects/", HTTP_AUTHORIZATION="Basic abc").status_code == 200


def test_a_session_needs_the_csrf_token_to_change_something(project: Project, ben: Person) -> None:
    client = APIClient(enforce_csrf_checks=True)
    client.force_login(ben)
    assert client.post(f"/api/projects/{project.slug}/lease/").status_code == 403


def test_my_projects_are_listed_and_no_others(project: Project, ben: Person, connect: Connect) -> None:
    project_of_ada()
    reply = connect(ben).get("/api/projects/").json()
    assert [found["slug"] for found in reply["results"]] == [project.slug] and reply["next"] is None
    assert connect(ben).get(f"/api/projects/{project.slug}/").json()["name"] == project.name


ADDRESSES = ["", "lease/", "judgments/", "imports/", "exports/", "runs/", "policies/", "rewards/", "runs/1/"]


@pytest.mark.parametrize("address", ADDRESSES)
def test_a_stranger_learns_nothing_of_a_project(project: Project, connect: Connect, address: str) -> None:
    client = connect(person("Eve"))
    method = client.post if address == "lease/" else client.get
    assert method(f"/api/projects/{project.slug}/{address}").status_code == 404


@pytest.mark.parametrize("address", ["imports/", "exports/", "runs/", "policies/", "rewards/"])
def test_an_annotator_may_not_look_into_the_workshop(
    project: Project, ben: Person, connect: Connect, address: str
) -> None:
    reply = connect(ben).get(f"/api/projects/{project.slug}/{address}")
    assert reply.status_code == 403 and "researcher" in reply.json()["detail"]


@pytest.mark.parametrize("address", ["runs/", "policies/", "rewards/", "imports/", "exports/"])
def test_an_owner_sees_the_workshop(project: Project, ada: Person, connect: Connect, address: str) -> None:
    assert connect(ada).get(f"/api/projects/{project.slug}/{address}").json()["results"] == []


def test_a_revoked_member_is_a_stranger(project: Project, ben: Person, connect: Connect) -> None:
    from labeling.actions.inviting import revoke_member

    client = connect(ben)
    revoke_member(membership=project.memberships.get(person=ben), by=ben)
    assert client.get(f"/api/projects/{project.slug}/").status_code == 404


def test_the_description_of_the_api_and_its_page_are_open_to_members(
    project: Project, ben: Person, connect: Connect
) -> None:
    client = connect(ben)
    assert "/api/projects/{slug}/lease/" in client.get("/api/schema/?format=json").json()["paths"]
    assert client.get("/api/docs/").status_code == 200


def test_two_tokens_of_a_person_are_two(project: Project, ben: Person) -> None:
    first, second = (create_token(person=ben, name="laptop")[1] for _ in range(2))
    assert first != second
