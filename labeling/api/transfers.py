"""Files in and out. Both are jobs: ask, look again, fetch."""

from django.http import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from labeling.access import object_in
from labeling.actions.exporting import plan_export
from labeling.actions.receiving import receive_file
from labeling.api import shapes
from labeling.api.doors import ProjectView
from labeling.models import ExportJob, ImportJob, Role
from labeling.pages.exporting import file_of
from labeling.queries.export_rows import ExportOptions


class ImportsView(ProjectView):
    """Imports."""

    role = Role.RESEARCHER
    parser_classes = [MultiPartParser]

    @extend_schema(responses=shapes.ShownImport(many=True), operation_id="imports")
    def get(self, request: Request, slug: str) -> Response:
        """The project's imports, newest first."""
        return self.listed(self.project.imports.all(), shapes.ShownImport)

    @extend_schema(
        request={"multipart/form-data": shapes.NewImport},
        responses={202: shapes.ShownImport, 400: shapes.Refused},
        operation_id="import",
    )
    def post(self, request: Request, slug: str) -> Response:
        """Send a file. It is read in the background; look at the job's address for progress and report."""
        sent = shapes.NewImport(data=request.data)
        sent.is_valid(raise_exception=True)
        options = dict(sent.validated_data)
        file = options.pop("file")
        job = receive_file(
            project=self.project, by=self.person, name=file.name, size=file.size, chunks=file.chunks(), **options
        )
        return Response(shapes.ShownImport(job).data, status.HTTP_202_ACCEPTED)


class OneImportView(ProjectView):
    """One import."""

    role = Role.RESEARCHER

    @extend_schema(responses={200: shapes.ShownImport, 404: shapes.Refused}, operation_id="import_job")
    def get(self, request: Request, slug: str, job_id: int) -> Response:
        """How far an import is, and what is wrong with which line."""
        return Response(shapes.ShownImport(object_in(self.project, ImportJob.objects.all(), pk=job_id)).data)


class ExportsView(ProjectView):
    """Exports."""

    role = Role.RESEARCHER

    @extend_schema(responses=shapes.ShownExport(many=True), operation_id="exports")
    def get(self, request: Request, slug: str) -> Response:
        """The project's exports, newest first."""
        return self.listed(self.project.exports.all(), shapes.ShownExport)

    @extend_schema(
        request=shapes.NewExport, responses={202: shapes.ShownExport, 400: shapes.Refused}, operation_id="export"
    )
    def post(self, request: Request, slug: str) -> Response:
        """Ask for a file. It is written in the background."""
        sent = shapes.NewExport(data=request.data)
        sent.is_valid(raise_exception=True)
        options = ExportOptions(**sent.validated_data)
        job = plan_export(project=self.project, by=self.person, options=options)
        return Response(shapes.ShownExport(job).data, status.HTTP_202_ACCEPTED)


class OneExportView(ProjectView):
    """One export."""

    role = Role.RESEARCHER

    @extend_schema(responses={200: shapes.ShownExport, 404: shapes.Refused}, operation_id="export_job")
    def get(self, request: Request, slug: str, job_id: int) -> Response:
        """How far an export is, and its manifest."""
        return Response(shapes.ShownExport(object_in(self.project, ExportJob.objects.all(), pk=job_id)).data)


class ExportFileView(ProjectView):
    """An export's file."""

    role = Role.RESEARCHER

    @extend_schema(
        responses={(200, "application/octet-stream"): OpenApiTypes.BINARY, 404: shapes.Refused},
        operation_id="export_file",
    )
    def get(self, request: Request, slug: str, job_id: int) -> HttpResponseBase:
        """The file, streamed, once the export is done."""
        return file_of(object_in(self.project, ExportJob.objects.all(), pk=job_id))
