"""Who sends a request: the quicker way gives what Django's own gives."""

from datetime import timedelta

import pytest
from django.contrib.auth.backends import ModelBackend
from django.contrib.sessions.backends import db
from django.contrib.sessions.models import Session
from django.test import Client
from django.utils import timezone

from alignment_site.sessions import PersonBackend, SessionStore
from labeling.models import Person

pytestmark = pytest.mark.django_db


def test_a_session_written_by_either_is_read_by_the_other() -> None:
    for writer, reader in ((db.SessionStore, SessionStore), (SessionStore, db.SessionStore)):
        session = writer()
        session["number"] = 7
        session.create()
        assert reader(session.session_key)["number"] == 7


def test_an_unknown_key_and_an_expired_session_are_empty_and_lose_their_key() -> None:
    session = SessionStore()
    session["number"] = 7
    session.create()
    Session.objects.update(expire_date=timezone.now() - timedelta(seconds=1))
    for key in (session.session_key, "0" * 32):
        loaded = SessionStore(key)
        assert "number" not in loaded
        assert loaded.session_key is None


def test_a_session_that_somebody_wrote_into_the_table_is_not_believed() -> None:
    session = SessionStore()
    session.create()
    Session.objects.update(session_data="forged:signature:here")
    assert dict(SessionStore(session.session_key).items()) == {}


def test_the_person_is_the_one_that_django_finds_field_by_field() -> None:
    person = Person.objects.create_user("ada", "ada@example.org", "a long enough word")
    quick, usual = PersonBackend().get_user(person.pk), ModelBackend().get_user(person.pk)
    assert quick is not None
    assert usual is not None
    assert {f.attname: getattr(quick, f.attname) for f in Person._meta.concrete_fields} == {
        f.attname: getattr(usual, f.attname) for f in Person._meta.concrete_fields
    }
    quick.first_name = "Ada"
    quick.save()
    assert Person.objects.get().first_name == "Ada"


def test_nobody_is_found_by_an_unknown_id_or_when_locked_out() -> None:
    person = Person.objects.create_user("ada", is_active=False)
    assert PersonBackend().get_user(person.pk) is None
    assert PersonBackend().get_user(person.pk + 1) is None


def test_logging_out_and_a_new_password_end_the_session_at_once(client: Client) -> None:
    person = Person.objects.create_user("ada", password="a long enough word", is_staff=True, is_superuser=True)
    assert client.login(username="ada", password="a long enough word")
    assert client.get("/admin/").status_code == 200
    person.set_password("another long word")
    person.save()
    assert client.get("/admin/").status_code == 302
    client.force_login(person)
    assert client.get("/admin/").status_code == 200
    client.logout()
    assert client.get("/admin/").status_code == 302
