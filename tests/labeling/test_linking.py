"""One-time links for the owner."""

import re
from datetime import timedelta

import pytest
from django.core.management import call_command
from django.test import Client
from django.utils import timezone

from labeling.actions.linking import LinkGone, create_owner_link, site_owner, spend_owner_link
from labeling.models import OwnerLink, Person

pytestmark = pytest.mark.django_db


def test_the_first_link_makes_an_owner_who_has_no_password() -> None:
    person = spend_owner_link(secret=create_owner_link())
    assert person.is_superuser
    assert not person.has_usable_password()
    assert Person.objects.filter(is_superuser=True).count() == 1


def test_later_links_are_for_the_owner_who_is_there() -> None:
    owner = site_owner()
    Person.objects.create_superuser("second")
    assert spend_owner_link(secret=create_owner_link()) == owner


def test_a_person_called_owner_does_not_become_one() -> None:
    bystander = Person.objects.create_user("owner")
    assert site_owner().username == "owner2"
    bystander.refresh_from_db()
    assert not bystander.is_superuser


def test_a_link_works_once() -> None:
    secret = create_owner_link()
    spend_owner_link(secret=secret)
    with pytest.raises(LinkGone):
        spend_owner_link(secret=secret)


def test_a_link_ends_after_an_hour() -> None:
    secret = create_owner_link()
    link = OwnerLink.objects.get()
    assert timedelta(minutes=59) < link.expires_at - timezone.now() <= timedelta(hours=1)
    OwnerLink.objects.update(expires_at=timezone.now())
    with pytest.raises(LinkGone, match="heed link"):
        spend_owner_link(secret=secret)


def test_a_link_of_somebody_who_was_locked_out_is_dead() -> None:
    secret = create_owner_link()
    Person.objects.update(is_active=False)
    with pytest.raises(LinkGone):
        spend_owner_link(secret=secret)


def test_the_database_keeps_only_the_hash() -> None:
    secret = create_owner_link()
    assert secret not in OwnerLink.objects.get().secret_hash
    with pytest.raises(LinkGone):
        spend_owner_link(secret=OwnerLink.objects.get().secret_hash)


def test_looking_at_the_link_does_not_spend_it_and_the_button_does(client: Client) -> None:
    path = f"/link/{create_owner_link()}/"
    for _ in range(2):
        assert client.get(path).status_code == 200
    assert "_auth_user_id" not in client.session
    assert client.post(path).status_code == 302
    assert client.session["_auth_user_id"] == str(site_owner().pk)
    assert Client().post(path).status_code == 410


def test_the_command_prints_a_link_that_works(client: Client, capsys: pytest.CaptureFixture[str]) -> None:
    call_command("heed", "link")
    found = re.fullmatch(r"http://[^/]+(/link/\S+/)\n", capsys.readouterr().out)
    assert found is not None
    assert client.post(found[1]).status_code == 302
