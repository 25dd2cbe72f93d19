"""Who may create an account: somebody who holds an invitation link."""

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from django.http import HttpRequest

INVITED = "invited"


class InvitedOnly(DefaultAccountAdapter):  # type: ignore[misc]
    """Sign-up is open to those who came by an open invitation; all others ask a project's owner for one."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Whether this browser has shown an open invitation."""
        return bool(request.session.get(INVITED))

    def save_user(self, request: HttpRequest, user: Any, form: Any, commit: bool = True) -> Any:
        """Save the account; the invitation in the session is not needed any more."""
        request.session.pop(INVITED, None)
        return super().save_user(request, user, form, commit)
