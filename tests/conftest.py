"""Fixtures that every room's tests may use."""

from collections.abc import Iterator

import pytest

from alignment_site import live


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None) -> Iterator[None]:
    """pytest-django's own, and at the end no thread of the site holds the database that is to be dropped."""
    yield
    live.close()
