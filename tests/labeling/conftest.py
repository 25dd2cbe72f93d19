"""A project with two judges."""

import pytest

from labeling.models import Person, Project
from tests.labeling.cast import member, project_of_ada


@pytest.fixture
def project(db: None) -> Project:
    return project_of_ada()


@pytest.fixture
def ben(project: Project) -> Person:
    return member(project, "Ben")


@pytest.fixture
def cleo(project: Project) -> Person:
    return member(project, "Cleo")
