"""A person's own page: name, keys and API tokens."""

from typing import cast

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST

from labeling.actions.tokens import change_account, create_token, revoke_token
from labeling.forms import AccountForm, TokenForm
from labeling.models import Person


@login_required
def account(request: HttpRequest) -> HttpResponse:
    """Show the account, or save it. A new token is shown once, by the POST that made it."""
    person = cast(Person, request.user)
    fields = ("first_name", "last_name", "email", "single_keys")
    form = AccountForm(request.POST or None, initial={name: getattr(person, name) for name in fields})
    if request.method == "POST" and form.is_valid():
        change_account(person=person, **form.cleaned_data)
        messages.success(request, "Saved.")
        return redirect("account")
    return _account(request, person, form)


@login_required
@require_POST
def new_token(request: HttpRequest) -> HttpResponse:
    """Make a token and show it, this once."""
    person = cast(Person, request.user)
    form = TokenForm(request.POST)
    secret = create_token(person=person, name=form.cleaned_data["name"])[1] if form.is_valid() else ""
    fields = ("first_name", "last_name", "email", "single_keys")
    return _account(
        request, person, AccountForm(initial={name: getattr(person, name) for name in fields}), secret=secret
    )


@login_required
@require_POST
def end_token(request: HttpRequest, token_id: int) -> HttpResponse:
    """End one of one's own tokens."""
    token = cast(Person, request.user).api_tokens.filter(pk=token_id).first()
    if token is None:
        raise Http404("You have no such token.")
    revoke_token(token=token)
    messages.success(request, f"The token {token.name} no longer works.")
    return redirect("account")


def _account(request: HttpRequest, person: Person, form: AccountForm, secret: str = "") -> HttpResponse:
    tokens = person.api_tokens.order_by("revoked_at", "-created_at")
    context = {"form": form, "token_form": TokenForm(), "tokens": tokens, "secret": secret}
    return render(request, "people/account.html", context)
