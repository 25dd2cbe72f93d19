"""Who a request of the API is from: a token in its header, else the browser's session."""

from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from labeling.actions.tokens import person_by_token
from labeling.models import Person

SCHEME = "Bearer"


class TokenAuthentication(BaseAuthentication):
    """`Authorization: Bearer heed_…`. Only the token's hash is stored, and it is looked up by that."""

    def authenticate(self, request: Request) -> tuple[Person, None] | None:
        """The token's person; None without such a header. Raises AuthenticationFailed for a token that is none."""
        kind, _, secret = get_authorization_header(request).partition(b" ")
        if kind.lower() != SCHEME.lower().encode():
            return None
        person = person_by_token(secret=secret.strip().decode("ascii", "replace"))
        if person is None:
            raise AuthenticationFailed("This token is unknown or has ended. Make a new one on your account's page.")
        return person, None

    def authenticate_header(self, request: Request) -> str:
        """What a 401 asks for."""
        return SCHEME


class TokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """How the API's description names it."""

    target_class = TokenAuthentication
    name = "token"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        """A bearer token."""
        return {"type": "http", "scheme": "bearer"}
