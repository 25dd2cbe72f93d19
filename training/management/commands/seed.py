"""`manage.py seed`: the starter project, where there is no project yet."""

from typing import Any

from django.core.management.base import BaseCommand

from labeling.actions.linking import site_owner
from labeling.models import Project
from training.beginning import seed


class Command(BaseCommand):
    """Create the starter project for the site's owner. A site that has a project is left as it is."""

    help = "Create the starter project, where there is no project yet."

    def handle(self, *args: Any, **options: Any) -> None:
        """Create it, or say that there is one."""
        if Project.objects.exists():
            self.stdout.write("There is a project already; nothing was changed.")
            return
        project = seed(by=site_owner())
        self.stdout.write(f"{project.name}: {project.prompts.count()} prompts; its policy answers them now.")
