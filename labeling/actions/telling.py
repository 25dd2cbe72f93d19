"""Telling open pages to look again, after the commit and outside of it."""

from functools import partial

from django.db import transaction

from alignment_site import live


def tell_project(project_id: int) -> None:
    """Mark a project as changed once this transaction is in. A notifying commit would serialise the judging."""
    transaction.on_commit(partial(live.touch, f"project-{project_id}"))
