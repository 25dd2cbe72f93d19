"""Checkpoints as streamed archives: plain `save_pretrained` directories with their model cards."""

from pathlib import Path

from django.http import Http404, HttpResponseBase, StreamingHttpResponse

from labeling.access import object_in
from labeling.models import Role
from labeling.pages.doors import ProjectRequest, project_page
from training.archive import zip_stream
from training.folders import located
from training.models import PolicyVersion, RewardVersion


@project_page(Role.RESEARCHER)
def policy(request: ProjectRequest, number: int) -> HttpResponseBase:
    """A policy's directory."""
    version = object_in(request.project, PolicyVersion.objects.all(), number=number)
    return archive_of(version.directory, f"{request.project.slug}-policy-{number}")


@project_page(Role.RESEARCHER)
def reward(request: ProjectRequest, number: int) -> HttpResponseBase:
    """A reward model's directory."""
    version = object_in(request.project, RewardVersion.objects.all(), number=number)
    return archive_of(version.directory, f"{request.project.slug}-reward-{number}")


def archive_of(directory: str, name: str) -> HttpResponseBase:
    """A directory as a zip archive, streamed. Raises Http404 when its weights were deleted."""
    place = Path(located(directory))
    if not place.is_dir():
        raise Http404("Its weights were deleted to save disk.")
    response = StreamingHttpResponse(zip_stream(place, name), content_type="application/zip")
    response["Content-Disposition"] = f'attachment; filename="{name}.zip"'
    return response
