"""The addresses of the API's own room, under /api/."""

from django.urls import path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerView

from labeling.api import judging, projects, transfers

PROJECT = "projects/<slug:slug>/"
LEASE = PROJECT + "leases/<uuid:lease_id>/"

urlpatterns = [
    path("schema/", SpectacularAPIView.as_view(), name="api_schema"),
    path("docs/", SpectacularSwaggerView.as_view(url_name="api_schema"), name="api_docs"),
    path("projects/", projects.ProjectsView.as_view(), name="api_projects"),
    path(PROJECT, projects.OneProjectView.as_view(), name="api_project"),
    path(PROJECT + "lease/", judging.LeaseView.as_view(), name="api_lease"),
    path(LEASE + "verdict/", judging.VerdictView.as_view(), name="api_verdict"),
    path(LEASE + "renew/", judging.RenewView.as_view(), name="api_renew"),
    path(LEASE + "release/", judging.ReleaseView.as_view(), name="api_release"),
    path(LEASE + "skip/", judging.SkipView.as_view(), name="api_skip"),
    path(LEASE + "flag/", judging.FlagView.as_view(), name="api_flag"),
    path(PROJECT + "judgments/", judging.JudgmentsView.as_view(), name="api_judgments"),
    path(PROJECT + "judgments/<int:judgment_id>/amend/", judging.AmendView.as_view(), name="api_amend"),
    path(PROJECT + "imports/", transfers.ImportsView.as_view(), name="api_imports"),
    path(PROJECT + "imports/<int:job_id>/", transfers.OneImportView.as_view(), name="api_import"),
    path(PROJECT + "exports/", transfers.ExportsView.as_view(), name="api_exports"),
    path(PROJECT + "exports/<int:job_id>/", transfers.OneExportView.as_view(), name="api_export"),
    path(PROJECT + "exports/<int:job_id>/file/", transfers.ExportFileView.as_view(), name="api_export_file"),
]
