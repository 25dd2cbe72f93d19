"""Every address of the site: the shell's own, then those of the rooms."""

from django.contrib import admin
from django.urls import include, path

from alignment_site import health

urlpatterns = [
    path("healthz", health.healthz, name="healthz"),
    path("metrics", health.metrics, name="metrics"),
    path("admin/", admin.site.urls),
    path("accounts/", include("allauth.urls")),
    path("api/", include("labeling.api.urls")),
    path("api/", include("training.api")),
    path("", include("labeling.urls")),
    path("", include("training.urls")),
]
