"""Forms: they parse and explain; the actions decide."""

import json
from typing import TYPE_CHECKING, Any

from django import forms

from labeling.models import Project, Role

GIB = 2**30
GROUPS = (
    ("The project", ("name", "description", "question")),
    ("Judging", ("overlap", "lease_seconds", "queue_target", "random_share", "repeat_share")),
    ("The gate", ("duel_share", "duel_budget", "duel_days", "kl_budget")),
    ("Training", ("train_every_judgments", "train_every_minutes", "recipe", "reward_recipe")),
    ("Fixed at the beginning", ("policy_source", "policy_ref", "held_out_share")),
    ("Disk", ("disk_gib",)),
)


if TYPE_CHECKING:
    ModelFormOfProject = forms.ModelForm[Project]
else:
    ModelFormOfProject = forms.ModelForm  # it takes no parameters at run time


class PlainForm(forms.Form):
    """A form whose labels end without a colon."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{"label_suffix": "", **kwargs})


class ProjectForm(ModelFormOfProject):
    """Everything an owner sets. Shares are fractions; the disk budget is shown in GiB."""

    disk_gib = forms.FloatField(
        label="Disk budget, GiB", min_value=0.25, help_text="For this project's models; older ones make room."
    )

    class Meta:
        model = Project
        fields = (
            *("name", "description", "question", "policy_source", "policy_ref", "overlap", "lease_seconds"),
            *("random_share", "repeat_share", "duel_share", "duel_budget", "duel_days", "queue_target"),
            *("train_every_judgments", "train_every_minutes", "kl_budget", "held_out_share", "recipe"),
            "reward_recipe",
        )
        labels = {
            "policy_source": "First policy",
            "policy_ref": "Directory or hub name",
            "overlap": "Judgments per comparison",
            "lease_seconds": "Seconds a comparison is lent for",
            "random_share": "Share of random pairs",
            "repeat_share": "Share of repeats",
            "duel_share": "Share of duels while a candidate waits",
            "duel_budget": "Duels per candidate, at most",
            "duel_days": "Days per candidate, at most",
            "queue_target": "Comparisons kept ready",
            "train_every_judgments": "Retrain after this many judgments",
            "train_every_minutes": "…or after this many minutes (0: never by time)",
            "kl_budget": "KL budget, nats per response",
            "held_out_share": "Share of prompts held out",
            "recipe": "Changes to the recipe (JSON)",
            "reward_recipe": "Changes to the reward model's recipe (JSON)",
        }
        help_texts = {
            "question": "What people are asked about each pair.",
            "policy_source": "The model that answers first. A project keeps the one it began with.",
            "overlap": "How many different people judge each comparison.",
            "random_share": "Pairs that no model chose. Accuracy and win rates are measured on them.",
            "repeat_share": "Earlier comparisons asked again, to measure how consistent people are.",
            "held_out_share": "Prompts that only the gate and the reports use. Fixed once prompts exist.",
            "kl_budget": "How far a policy may move from its anchor.",
            "recipe": 'For example {"beta": 0.2, "model_pairs_share": 0.3}; Methods lists what loss_type can be.',
            "reward_recipe": 'For example {"members": 3, "strength_margin": 1.0}; Methods lists what method can be.',
        }
        widgets = {
            "description": forms.Textarea(attrs={"rows": 2}),
            "recipe": forms.Textarea(attrs={"rows": 3, "spellcheck": "false"}),
            "reward_recipe": forms.Textarea(attrs={"rows": 3, "spellcheck": "false"}),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{"label_suffix": ""} | kwargs)
        self.exact = self._numbers()
        given = kwargs.get("initial") or {}
        self.initial.update({name: shown(value) for name, value in self.exact.items() if name not in given})
        if self.instance.pk:
            for name in ("policy_source", "policy_ref"):
                self.fields[name].disabled = True
            self.fields["held_out_share"].disabled = self.instance.prompts.exists()

    def _numbers(self) -> dict[str, float]:
        """The fractions as they are stored, by field."""
        names = [name for name, field in self.fields.items() if isinstance(field, forms.FloatField)]
        budget = {"disk_gib": self.instance.disk_budget_bytes / GIB} if "disk_gib" in names else {}
        return {name: getattr(self.instance, name) for name in names if name not in budget} | budget

    def groups(self) -> list[tuple[str, list[forms.BoundField]]]:
        """The fields as the page shows them, under headings."""
        return [(title, [self[name] for name in names if name in self.fields]) for title, names in GROUPS]

    def clean_recipe(self) -> dict[str, Any]:
        """An empty field is an empty recipe."""
        return _object(self.cleaned_data.get("recipe"))

    def clean_reward_recipe(self) -> dict[str, Any]:
        """An empty field is an empty recipe."""
        return _object(self.cleaned_data.get("reward_recipe"))

    def settings(self) -> dict[str, Any]:
        """The cleaned values, as `actions.projecting` takes them."""
        values = dict(self.cleaned_data)
        for name, value in self.exact.items():
            if values.get(name) == shown(value):  # sent back as it was shown
                values[name] = value
        if "disk_gib" in values:
            values["disk_budget_bytes"] = int(values.pop("disk_gib") * GIB)
        return values


def shown(value: float) -> float:
    """A number as a form shows it: what nobody would type in full, as 1/3, with three figures."""
    return value if round(value, 4) == value else float(f"{value:.3g}")


def _object(recipe: Any) -> dict[str, Any]:
    if not isinstance(recipe or {}, dict):
        raise forms.ValidationError(f"Write a JSON object, not {json.dumps(recipe)[:60]}.")
    return recipe or {}


class NewProjectForm(ProjectForm):
    """A project's first form: what cannot wait. The rest has defaults and a page of its own."""

    guidelines = forms.CharField(
        required=False,
        widget=forms.Textarea(attrs={"rows": 8}),
        help_text="What should people look for? Markdown. You can change it later; every version is kept.",
    )
    prompts = forms.CharField(
        required=False,
        widget=forms.Textarea(attrs={"rows": 6}),
        help_text="One prompt a line. You can import files later.",
    )
    disk_gib = None  # type: ignore[assignment]  # Django's way to leave an inherited field out
    starter_prompts = forms.BooleanField(
        required=False, initial=True, label="Add 600 everyday prompts that suit the starter policy"
    )

    class Meta(ProjectForm.Meta):
        fields = (  # type: ignore[assignment]
            "name",
            "description",
            "question",
            "policy_source",
            "policy_ref",
            "overlap",
            "train_every_judgments",
        )

    def settings(self) -> dict[str, Any]:
        """The cleaned values without what is not a setting."""
        values = super().settings()
        for name in ("guidelines", "prompts", "starter_prompts"):
            values.pop(name)
        return values


class GuidelinesForm(PlainForm):
    """A new version of the guidelines."""

    text = forms.CharField(label="Guidelines", required=False, widget=forms.Textarea(attrs={"rows": 18}))


class PromptsForm(PlainForm):
    """Prompts typed or pasted, one a line."""

    prompts = forms.CharField(label="New prompts, one a line", widget=forms.Textarea(attrs={"rows": 5}))
    tags = forms.CharField(required=False, help_text="Separated by commas.")

    def clean_prompts(self) -> list[str]:
        """The lines that hold something."""
        lines = [line.strip() for line in self.cleaned_data["prompts"].splitlines() if line.strip()]
        if not lines:
            raise forms.ValidationError("Write at least one prompt.")
        return lines

    def clean_tags(self) -> list[str]:
        """The tags, in order, each once."""
        tags = [tag.strip() for tag in self.cleaned_data["tags"].split(",") if tag.strip()]
        if any(len(tag) > 64 for tag in tags):
            raise forms.ValidationError("A tag has at most 64 characters.")
        return list(dict.fromkeys(tags))


class InvitationForm(PlainForm):
    """A new invitation link."""

    role = forms.ChoiceField(choices=Role.choices, initial=Role.ANNOTATOR)
    uses = forms.IntegerField(label="For how many people", min_value=1, max_value=1000, initial=1)
    days = forms.IntegerField(label="Days it works", min_value=1, max_value=365, initial=14)


class DecisionForm(PlainForm):
    """What an owner makes of a flag or a skip."""

    decision = forms.ChoiceField(
        choices=[
            ("kept", "Keep asking it"),
            ("withdrawn", "Withdraw the comparison"),
            ("response_dropped", "Drop a response from the queue"),
        ]
    )
    response = forms.IntegerField(required=False)
    note = forms.CharField(required=False, max_length=2000)


class AccountForm(PlainForm):
    """How a person is called."""

    first_name = forms.CharField(label="First name", max_length=150, required=False)
    last_name = forms.CharField(label="Last name", max_length=150, required=False)
    email = forms.EmailField(label="E-mail", required=False)
    single_keys = forms.BooleanField(label="Verdicts by single keys on the judging page", required=False)


class TokenForm(PlainForm):
    """A new API token."""

    name = forms.CharField(label="What is it for?", max_length=100)
