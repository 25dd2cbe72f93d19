"""Versions with their standing, for their page."""

from dataclasses import dataclass

from labeling.models import Project
from labeling.queries.leaderboard import Standing, leaderboard
from training.models import PolicyVersion


@dataclass(frozen=True)
class VersionRow:
    """A version beside its place on the leaderboard."""

    policy: PolicyVersion
    standing: Standing | None


def version_rows(project: Project) -> list[VersionRow]:
    """Newest first."""
    standings = {row.number: row for row in leaderboard(project)}
    versions = project.policies.select_related("parent", "run", "decided_by").order_by("-number")
    return [VersionRow(version, standings.get(version.number)) for version in versions]
