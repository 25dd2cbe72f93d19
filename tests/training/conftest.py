"""A tiny real policy, and a project that it answers for."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from labeling.models import Project
from tests.training.cast import a_policy, a_project, a_prompt
from training.answering import Shelf

TERSE = {"sampler": {"max_new_tokens": 12}}


@pytest.fixture(autouse=True)
def one_thread() -> None:
    """Many small tests side by side are faster with one thread each."""
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def tiny_directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from tests.training.learning.tiny import save_tiny

    return save_tiny(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="session")
def shelf() -> Shelf:
    return Shelf()


@pytest.fixture
def answered_project(tiny_directory: Path) -> Callable[..., Project]:
    """Makes a project with training prompts and a tiny first policy."""

    def make(prompts: int = 40, **settings: object) -> Project:
        project = a_project(**{"recipe": TERSE, "queue_target": 40, "random_share": 0.0, **settings})
        for number in range(prompts):
            a_prompt(project, f"Tell me about matter {number} of {project.pk}.")
        a_policy(project, 1, directory=str(tiny_directory), current=True, anchor=True)
        return project

    return make
