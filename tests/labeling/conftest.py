"""A project with two judges."""

import pytest

from labeling.actions import leasing
from labeling.models import Person, Project
from tests.labeling.cast import member, project_of_ada


@pytest.fixture(autouse=True)
def no_duel_first_by_chance(monkeypatch: pytest.MonkeyPatch) -> None:
    """The least duel share that a project may have is 0.05; these tests' coins never fall below it."""
    toss = leasing._coin.random
    monkeypatch.setattr(leasing._coin, "random", lambda: max(0.05, toss()))


@pytest.fixture
def project(db: None) -> Project:
    return project_of_ada()


@pytest.fixture
def ben(project: Project) -> Person:
    return member(project, "Ben")


@pytest.fixture
def cleo(project: Project) -> Person:
    return member(project, "Cleo")
