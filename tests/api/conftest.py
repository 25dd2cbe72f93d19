"""Programs that talk to the API, each as one person."""

from collections.abc import Callable

import pytest
from rest_framework.test import APIClient

from labeling.actions.tokens import create_token
from labeling.models import Person, Project, Role
from tests.labeling.cast import member, project_of_ada

Connect = Callable[[Person], APIClient]


@pytest.fixture
def project(db: None) -> Project:
    return project_of_ada()


@pytest.fixture
def ada(project: Project) -> Person:
    return project.memberships.get(role=Role.OWNER).person


@pytest.fixture
def ben(project: Project) -> Person:
    return member(project, "Ben")


@pytest.fixture
def connect() -> Connect:
    """A client that sends a person's token."""

    def client_of(person: Person) -> APIClient:
        client = APIClient()
        _, secret = create_token(person=person, name="test")
        client.credentials(HTTP_AUTHORIZATION=f"Bearer {secret}")
        return client

    return client_of
