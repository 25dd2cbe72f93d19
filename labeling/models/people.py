"""People, their roles in projects, and the links and tokens that let them in."""

from datetime import timedelta

from django.contrib.auth.models import AbstractUser
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils import timezone


class Role(models.TextChoices):
    """What a member may do in a project; each role includes the ones below it."""

    OWNER = "owner", "Owner"
    RESEARCHER = "researcher", "Researcher"
    ANNOTATOR = "annotator", "Annotator"


class Person(AbstractUser):
    """An account. All personal data of a judge is on this row, which erasure may empty."""

    single_keys = models.BooleanField(default=True, help_text="Verdicts by single keys on the judging page.")
    simulated = models.BooleanField(default=False, help_text="Driven by the lab, not by a human being.")
    erased_at = models.DateTimeField(null=True, blank=True)

    class Meta(AbstractUser.Meta):
        db_table = "labeling_person"

    def __str__(self) -> str:
        return self.get_full_name() or self.username


class Membership(models.Model):
    """A person's role in a project."""

    project = models.ForeignKey("labeling.Project", models.CASCADE, related_name="memberships")
    person = models.ForeignKey(Person, models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=16, choices=Role)
    joined_at = models.DateTimeField(db_default=Now())
    revoked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["project", "person"], name="one_membership_per_person")]

    def __str__(self) -> str:
        return f"{self.person} as {self.role} in {self.project}"


class Invitation(models.Model):
    """A link that makes its holder a member. Only the hash of its secret is kept."""

    project = models.ForeignKey("labeling.Project", models.CASCADE, related_name="invitations")
    role = models.CharField(max_length=16, choices=Role)
    secret_hash = models.CharField(max_length=64, unique=True)
    created_by = models.ForeignKey(Person, models.PROTECT, related_name="+")
    created_at = models.DateTimeField(db_default=Now())
    expires_at = models.DateTimeField()
    uses_left = models.PositiveIntegerField(default=1)
    revoked_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"invitation to {self.project} as {self.role}"

    @property
    def open(self) -> bool:
        """Whether somebody can still join by it."""
        return self.revoked_at is None and self.uses_left > 0 and self.expires_at > timezone.now()


class ApiToken(models.Model):
    """A token for the REST interface, stored hashed; `prefix` lets its owner recognise it."""

    person = models.ForeignKey(Person, models.CASCADE, related_name="api_tokens")
    name = models.CharField(max_length=100)
    prefix = models.CharField(max_length=12)
    secret_hash = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField(db_default=Now())
    last_used_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"


class OwnerLink(models.Model):
    """A one-time link that signs the first owner in. It is spent by a POST, so that a preview cannot spend it."""

    LIFETIME = timedelta(hours=1)

    secret_hash = models.CharField(max_length=64, unique=True)
    person = models.ForeignKey(Person, models.CASCADE, related_name="+")
    created_at = models.DateTimeField(db_default=Now())
    expires_at = models.DateTimeField()
    spent_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(spent_at__isnull=True) | Q(spent_at__lte=models.F("expires_at")),
                name="owner_link_spent_in_time",
            )
        ]

    def __str__(self) -> str:
        return f"owner link for {self.person}"


class Erasure(models.Model):
    """A record of what was erased, by whom and why, written before it happens."""

    about = models.ForeignKey(Person, models.PROTECT, null=True, related_name="erasures")
    project_name = models.CharField(max_length=200, blank=True)
    by = models.ForeignKey(Person, models.PROTECT, related_name="+")
    why = models.TextField()
    what = models.JSONField(help_text="Counts of what is emptied, by kind of row.")
    at = models.DateTimeField(db_default=Now())

    def __str__(self) -> str:
        return f"erasure {self.pk} at {self.at:%Y-%m-%d}"
