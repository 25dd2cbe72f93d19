"""Erasure: personal data goes, judgments stay, the record comes first; a project goes as a whole."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sessions.models import Session
from django.core.exceptions import ValidationError
from django.db import DatabaseError, transaction
from django.utils import timezone

from labeling.actions import erasing, judging
from labeling.actions.inviting import create_invitation
from labeling.actions.projecting import archive_project
from labeling.actions.tokens import create_token, person_by_token
from labeling.models import (
    Comparison,
    Erasure,
    Judgment,
    JudgmentReason,
    Lease,
    Membership,
    Person,
    Project,
    ReasonDraft,
    Report,
    Role,
)
from tests.labeling.cast import comparisons, lease, member, project_of_ada, submit


def owner_of(project) -> Any:
    return Person.objects.get(memberships__project=project, memberships__role=Role.OWNER)


def test_a_persons_data_is_emptied_and_the_judgments_stay(project, ben) -> None:
    from allauth.account.models import EmailAddress

    ada = owner_of(project)
    Person.objects.filter(pk=ben.pk).update(last_name="Baker", email="ben@example.org")
    EmailAddress.objects.create(user=ben, email="ben@example.org")
    comparisons(project, 4)
    following = submit(ben, lease(ben, project), reason="My neighbour Tom agrees").next_lease
    judging.flag_comparison(person=ben, lease_id=following.pk, reason="harmful", text="It names Tom")
    held = lease(ben, project)
    judging.save_draft(person=ben, lease_id=held.pk, text="Tom again")

    kind = ContentType.objects.get_for_model(Person)
    LogEntry.objects.create(user=ada, content_type=kind, object_id=str(ben.pk), object_repr="Ben Baker", action_flag=2)

    record = erasing.erase_person(person=ben, by=ada, why="Ben asked by letter.")

    ben.refresh_from_db()
    assert (ben.first_name, ben.last_name, ben.email, ben.is_active) == ("", "", "", False)
    assert str(ben) == ben.username == f"erased-{ben.pk}" and ben.erased_at is not None
    assert LogEntry.objects.get().object_repr == ben.username
    assert Judgment.objects.get().person == ben
    reason = JudgmentReason.objects.get()
    assert reason.text == "" and reason.erased_at is not None
    assert (Report.objects.get().reason, Report.objects.get().text) == ("harmful", "")
    assert not ReasonDraft.objects.exists() and not EmailAddress.objects.exists()
    assert record.about == ben and record.by == ada and record.why == "Ben asked by letter."
    assert record.what == {"name and e-mail": 1, "reasons": 1, "reports": 1, "drafts": 1}
    held.refresh_from_db()
    assert held.ending == "released" and not Comparison.objects.filter(held__gt=0).exists()


def test_an_erased_person_has_no_way_in(project, ben) -> None:
    _, secret = create_token(person=ben, name="Ben's laptop")
    session = SessionStore()
    session["_auth_user_id"] = str(ben.pk)
    session.create()
    others = SessionStore()
    others["_auth_user_id"] = str(owner_of(project).pk)
    others.create()
    erasing.erase_person(person=ben, by=owner_of(project), why="Asked.")
    ben.refresh_from_db()
    assert person_by_token(secret=secret) is None and not ben.has_usable_password()
    assert ben.api_tokens.get().name == ""
    assert [one.session_key for one in Session.objects.all()] == [others.session_key]
    assert Membership.objects.get(person=ben).revoked_at is not None


def test_an_erasure_needs_a_reason_and_happens_once(project, ben) -> None:
    with pytest.raises(ValidationError, match="Say why"):
        erasing.erase_person(person=ben, by=owner_of(project), why=" ")
    erasing.erase_person(person=ben, by=owner_of(project), why="Asked.")
    with pytest.raises(ValidationError, match="already"):
        erasing.erase_person(person=ben, by=owner_of(project), why="Asked.")
    assert Erasure.objects.count() == 1


def test_a_projects_only_owner_hands_over_before_being_erased(project, ben) -> None:
    ada = owner_of(project)
    with pytest.raises(ValidationError, match="no other owner"):
        erasing.erase_person(person=ada, by=ada, why="Asked.")
    assert not Erasure.objects.exists()
    Membership.objects.filter(person=ben).update(role=Role.OWNER)
    erasing.erase_person(person=ada, by=ben, why="Asked.")


# --- projects


def full_project() -> Any:
    """A project with something in every table that hangs on it."""
    project = project_of_ada()
    ben = member(project, "Ben")
    comparisons(project, 3)
    following = submit(ben, lease(ben, project), reason="Because").next_lease
    judging.amend_judgment(
        person=ben,
        judgment_id=Judgment.objects.get(project=project).pk,
        uuid=following.pk,
        answer=7,
        seconds=1.0,
    )
    judging.skip_comparison(person=ben, lease_id=following.pk, reason="unclear")
    taken = lease(ben, project)
    judging.save_draft(person=ben, lease_id=taken.pk, text="draft")
    create_invitation(project=project, by=owner_of(project), role=Role.ANNOTATOR)
    return project


def test_a_project_is_erased_whole_and_alone(db) -> None:
    kept, gone = full_project(), full_project()
    ada = owner_of(gone)
    archive_project(project=gone, by=ada)
    Project.objects.filter(pk=gone.pk).update(archived_at=timezone.now() - timedelta(days=31))
    before = Judgment.objects.filter(project=kept).count()

    record = erasing.erase_project(project=gone, by=ada, why="The study is over.")

    assert list(Project.objects.all()) == [kept]
    assert Judgment.objects.count() == Judgment.objects.filter(project=kept).count() == before
    assert Lease.objects.count() == Lease.objects.filter(project=kept).count() > 0
    assert (record.project_name, record.by, record.what["labeling_judgment"]) == (gone.name, ada, 2)
    assert record.what["labeling_project"] == 1
    assert Person.objects.filter(first_name="Ben").count() == 2


def test_the_door_is_shut_again_after_an_erasure(db) -> None:
    kept, gone = full_project(), full_project()
    Project.objects.filter(pk=gone.pk).update(archived_at=timezone.now() - timedelta(days=31))
    erasing.erase_project(project=gone, by=owner_of(gone), why="Over.")
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        Judgment.objects.filter(project=kept)._raw_delete("default")


def test_a_project_is_archived_for_thirty_days_first(project) -> None:
    ada = owner_of(project)
    with pytest.raises(ValidationError, match="Archive the project first"):
        erasing.erase_project(project=project, by=ada, why="Over.")
    archive_project(project=project, by=ada)
    with pytest.raises(ValidationError, match="until then it can be brought back"):
        erasing.erase_project(project=project, by=ada, why="Over.")
    with pytest.raises(ValidationError, match="Say why"):
        erasing.erase_project(project=project, by=ada, why="")
    assert Project.objects.exists() and not Erasure.objects.exists()
