"""The prompts of a project, as its page lists them."""

from django.db.models import Count, QuerySet

from labeling.models import Project, Prompt, Split


def prompt_list(project: Project, *, search: str = "", split: str = "") -> QuerySet[Prompt]:
    """Newest first, with how many responses each has. `search` looks into the first human message."""
    rows = Prompt.objects.filter(project=project).annotate(response_count=Count("responses")).order_by("-id")
    if search:
        rows = rows.filter(root__text__icontains=search.casefold())
    if split in Split.values:
        rows = rows.filter(split=split)
    return rows
