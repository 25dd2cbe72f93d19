"""One-time links that sign the owner of the site in; a local first run needs no e-mail and no password."""

from django.db import transaction
from django.utils import timezone

from labeling.actions.secrets import hashed, new_secret
from labeling.models import OwnerLink, Person


class LinkGone(Exception):
    """The link is unknown, spent or out of date."""


@transaction.atomic
def create_owner_link(*, person: Person | None = None) -> str:
    """A secret that signs `person` (else the owner of the site) in once, within `OwnerLink.LIFETIME`."""
    secret = new_secret()
    OwnerLink.objects.create(
        secret_hash=hashed(secret),
        person=person or site_owner(),
        expires_at=timezone.now() + OwnerLink.LIFETIME,
    )
    return secret


@transaction.atomic
def site_owner() -> Person:
    """The first active superuser; made, without a password, when there is none."""
    owner = Person.objects.filter(is_superuser=True, is_active=True).order_by("pk").first()
    if owner is not None:
        return owner
    name, number = "owner", 1
    while Person.objects.filter(username=name).exists():
        number += 1
        name = f"owner{number}"
    return Person.objects.create_superuser(name)  # no password: only a link lets the owner in


@transaction.atomic
def spend_owner_link(*, secret: str) -> Person:
    """The person to sign in. LinkGone when the link is unknown, spent, out of date or its person inactive.

    The row is locked, so that of two POSTs at one instant one is refused.
    """
    link = OwnerLink.objects.select_for_update(of=("self",)).filter(secret_hash=hashed(secret)).first()
    if link is None or link.spent_at or link.expires_at <= timezone.now() or not link.person.is_active:
        raise LinkGone("This link no longer works. On the server, “manage.py heed link” makes a new one.")
    link.spent_at = timezone.now()
    link.save(update_fields=["spent_at"])
    return link.person
