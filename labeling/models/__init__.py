"""The nouns of people's work; the constraints on them live in the database."""

from labeling.models.comparisons import (
    Arm,
    Comparison,
    ComparisonResponse,
    Kind,
    Lease,
    Report,
    State,
)
from labeling.models.judgments import (
    Answer,
    Judgment,
    JudgmentReason,
    ReasonDraft,
    Source,
)
from labeling.models.people import (
    ApiToken,
    Erasure,
    Invitation,
    Membership,
    OwnerLink,
    Person,
    Role,
)
from labeling.models.projects import (
    GuidelineVersion,
    PolicySource,
    Project,
    ProjectChange,
)
from labeling.models.prompts import Prompt, PromptRoot, Response, Split
from labeling.models.transfers import ExportJob, ImportJob, JobState

__all__ = [
    "Answer",
    "ApiToken",
    "Arm",
    "Comparison",
    "ComparisonResponse",
    "Erasure",
    "ExportJob",
    "GuidelineVersion",
    "ImportJob",
    "Invitation",
    "JobState",
    "Judgment",
    "JudgmentReason",
    "Kind",
    "Lease",
    "Membership",
    "OwnerLink",
    "Person",
    "PolicySource",
    "Project",
    "ProjectChange",
    "Prompt",
    "PromptRoot",
    "ReasonDraft",
    "Report",
    "Response",
    "Role",
    "Source",
    "Split",
    "State",
]
