"""Projects, as their members see them."""

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from labeling.access import projects_of
from labeling.api import shapes
from labeling.api.doors import PersonView, ProjectView


class ProjectsView(PersonView):
    """My projects."""

    @extend_schema(responses=shapes.ShownProject(many=True), operation_id="projects")
    def get(self, request: Request) -> Response:
        """The projects that I am a member of."""
        return self.listed(projects_of(self.person), shapes.ShownProject)


class OneProjectView(ProjectView):
    """One project."""

    @extend_schema(responses={200: shapes.ShownProject, 404: shapes.Refused}, operation_id="project")
    def get(self, request: Request, slug: str) -> Response:
        """A project that I am a member of."""
        return Response(shapes.ShownProject(self.project).data)
