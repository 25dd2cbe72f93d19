"""The list of a person's projects."""

from typing import cast

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from labeling.models import Person
from labeling.queries.projects import project_cards


@login_required
def home(request: HttpRequest) -> HttpResponse:
    """Everything that this person is a member of."""
    return render(request, "people/home.html", {"cards": project_cards(cast(Person, request.user))})
