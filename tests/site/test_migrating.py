"""A command on a database that is older than the code."""

import pytest
from django.db import DatabaseError, connection, transaction
from structlog.testing import capture_logs

from alignment_site.migrating import behind, waiting
from training.working import Worker


def refused(query: str) -> DatabaseError:
    with pytest.raises(DatabaseError) as caught, transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(query)
    return caught.value


def forget_newest() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "DELETE FROM django_migrations WHERE app = 'training' AND id = (SELECT max(id) FROM "
            "django_migrations WHERE app = 'training')"
        )


@pytest.mark.django_db
@pytest.mark.parametrize("query", ["SELECT newest FROM labeling_project", "SELECT 1 FROM labeling_newest"])
def test_a_column_or_table_that_is_missing_because_migrations_wait_is_told_in_one_sentence(query: str) -> None:
    forget_newest()
    error = refused(query)
    assert behind(error) == (
        "The database is older than the code (it lacks one migration): run make up, or manage.py migrate."
    )
    wrapped = RuntimeError("in the middle of a command")
    wrapped.__cause__ = error
    assert behind(wrapped) == behind(error)


@pytest.mark.django_db
def test_a_fault_that_is_not_the_databases_age_is_shown_as_it_is() -> None:
    assert waiting() == 0
    assert behind(refused("SELECT newest FROM labeling_project")) == ""
    forget_newest()
    assert behind(ValueError("something else")) == ""


@pytest.mark.django_db
def test_the_worker_says_that_it_waits_for_a_migration(monkeypatch: pytest.MonkeyPatch) -> None:
    error = refused("SELECT newest FROM labeling_project")
    forget_newest()
    worker = Worker()

    def look() -> None:
        worker.stopping.set()
        raise error

    monkeypatch.setattr(worker, "_look", look)
    for idle in ("_tryouts", "_transfers", "_end"):
        monkeypatch.setattr(worker, idle, lambda: None)
    monkeypatch.setattr("training.working.connection.close", lambda: None)
    with capture_logs() as told:
        worker.run()
    assert [line["event"] for line in told] == [behind(error)]
