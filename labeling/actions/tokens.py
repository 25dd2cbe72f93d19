"""Tokens for the REST interface."""

from datetime import timedelta

from django.db.models import Q
from django.utils import timezone

from labeling.actions.secrets import hashed, new_secret
from labeling.models import ApiToken, Person

PREFIX = "heed_"


def create_token(*, person: Person, name: str) -> tuple[ApiToken, str]:
    """Make a token. Returns its row and the token itself, which is shown once and kept as a hash."""
    secret = PREFIX + new_secret()
    token = ApiToken.objects.create(
        person=person, name=name.strip()[:100] or "token", prefix=secret[:12], secret_hash=hashed(secret)
    )
    return token, secret


def person_by_token(*, secret: str) -> Person | None:
    """Who a token belongs to, or None. Its last use is noted, at most once a minute."""
    token = (
        ApiToken.objects.select_related("person")
        .filter(secret_hash=hashed(secret), revoked_at__isnull=True, person__is_active=True)
        .first()
    )
    if token is None:
        return None
    now = timezone.now()
    stale = Q(last_used_at__isnull=True) | Q(last_used_at__lt=now - timedelta(minutes=1))
    ApiToken.objects.filter(stale, pk=token.pk).update(last_used_at=now)
    return token.person


def revoke_token(*, token: ApiToken) -> None:
    """End a token at once."""
    ApiToken.objects.filter(pk=token.pk, revoked_at__isnull=True).update(revoked_at=timezone.now())


def change_account(*, person: Person, first_name: str, last_name: str, email: str, single_keys: bool) -> None:
    """Change how a person is called and whether single keys give verdicts."""
    person.first_name, person.last_name, person.email = first_name, last_name, email
    person.single_keys = single_keys
    person.save(update_fields=["first_name", "last_name", "email", "single_keys"])
