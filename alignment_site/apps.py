"""The shell as a Django app, for its management commands and system checks."""

from django.apps import AppConfig


class SiteConfig(AppConfig):
    """The shell: it registers its system checks."""

    name = "alignment_site"
    verbose_name = "Heed"

    def ready(self) -> None:
        from alignment_site import checks  # noqa: F401  (registers the system checks)
