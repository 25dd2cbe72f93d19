"""How a request of the API enters a project, and how it is told no."""

from typing import Any, cast

from django.db.models import QuerySet
from rest_framework import status
from rest_framework.pagination import CursorPagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer
from rest_framework.views import APIView, exception_handler

from labeling.access import membership_in
from labeling.actions.errors import Conflict, Refusal
from labeling.models import Membership, Person, Project, Role


class NewestFirst(CursorPagination):
    """Pages of a list that grows at its beginning: nothing is shown twice or skipped."""

    ordering = "-id"
    page_size = 100


class PersonView(APIView):
    """A view for somebody signed in."""

    pagination_class = NewestFirst  # of its lists; the API's description reads it here

    @property
    def person(self) -> Person:
        """Who asks."""
        return cast(Person, self.request.user)

    def listed(self, rows: QuerySet[Any], serializer: type[BaseSerializer[Any]]) -> Response:
        """A page of rows, newest first."""
        pages = NewestFirst()
        page = pages.paginate_queryset(rows, self.request, view=self)
        return pages.get_paginated_response(serializer(page, many=True).data)


class ProjectView(PersonView):
    """A view inside the project that the address names, for members with at least `role`."""

    role: Role = Role.ANNOTATOR
    membership: Membership

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Let nobody in before the door was passed."""
        super().initial(request, *args, **kwargs)
        self.membership = membership_in(request.user, kwargs["slug"], self.role)

    @property
    def project(self) -> Project:
        """Where we are."""
        return self.membership.project


def answer(error: Exception, context: dict[str, Any]) -> Response | None:
    """Say no in words: 409 when something newer stands, 400 for whatever else an action refuses."""
    if isinstance(error, Conflict):
        detail = {"detail": str(error), "judgment": error.judgment.pk, "answer": error.judgment.answer}
        return Response(detail, status.HTTP_409_CONFLICT)
    if isinstance(error, Refusal):
        return Response({"detail": str(error)}, status.HTTP_400_BAD_REQUEST)
    return exception_handler(error, context)
