"""Forms of import and export: they parse and explain; the actions decide."""

from typing import Any

from django import forms

from labeling.formats.parsing import FORMATS as IMPORT_FORMATS
from labeling.forms import PlainForm
from labeling.queries.export_rows import FILES, FORMATS, PROMPT_PLACES, STYLES, BadOptions, ExportOptions

ORIGINS = (("unknown", "Not known"), ("person", "People"), ("model", "A model"))


FORMAT_NAMES = {
    "trl": "Preference pairs for TRL",
    "kto": "Unpaired rows for TRL (KTO)",
    "helpsteer2": "Preference rows like HelpSteer2's",
    "heed": "Heed's full rows",
    "original": "Imported rows as they came",
    "prompts": "Prompts",
}


def _choices(names: dict[str, str]) -> list[tuple[str, str]]:
    return [(name, meaning[0].upper() + meaning[1:]) for name, meaning in names.items()]


class ImportForm(PlainForm):
    """A file and how to read it."""

    file = forms.FileField(label="File", help_text="JSON Lines, plain or gzip.")
    whose = forms.ChoiceField(label="Who made the labels?", choices=ORIGINS, initial="unknown")
    model = forms.CharField(label="Name of the model", max_length=150, required=False)
    format = forms.ChoiceField(
        required=False,
        choices=[
            ("", "Told by each row's fields"),
            *((known.name, f"{known.name}: {known.about}") for known in IMPORT_FORMATS.values()),
        ],
    )
    skip_bad = forms.BooleanField(label="Leave bad rows out instead of storing nothing", required=False)
    ignore_ids = forms.BooleanField(label="The fields id and idx do not say which row it is", required=False)
    sample = forms.BooleanField(label="Let policies answer the prompts of its comparisons too", required=False)

    def clean(self) -> dict[str, Any]:
        """A model needs a name."""
        cleaned = super().clean() or {}
        if cleaned.get("whose") == "model" and not cleaned.get("model", "").strip():
            self.add_error("model", "Which model? Its name goes with every label.")
        return cleaned

    def options(self) -> dict[str, Any]:
        """The options of `plan_import`."""
        values = self.cleaned_data
        origin = f"model:{values['model'].strip()}" if values["whose"] == "model" else values["whose"]
        return {
            "origin": origin,
            "format": values["format"],
            "skip_bad": values["skip_bad"],
            "own_ids": not values["ignore_ids"],
            "sample": values["sample"],
        }


class ExportForm(PlainForm):
    """What to take out and how to write it."""

    format = forms.ChoiceField(
        choices=[(name, FORMAT_NAMES[name]) for name in FORMATS],
        initial="trl",
        help_text="Pairs: one per comparison, by the majority of the latest judgments. "
        "Rows like HelpSteer2’s keep ties. Full rows lose nothing.",
    )
    file = forms.ChoiceField(choices=_choices(FILES), initial="jsonl")
    style = forms.ChoiceField(choices=_choices(STYLES), initial="conversational")
    prompt = forms.ChoiceField(choices=_choices(PROMPT_PLACES), initial="explicit")
    columns = forms.BooleanField(
        label="With strength, n_for, n_against, split, arm, origin and criterion", required=False, initial=True
    )
    margin = forms.BooleanField(label="With a column margin", required=False)
    held_out = forms.BooleanField(label="With rows of held-out prompts", required=False)
    simulated = forms.BooleanField(label="Count simulated people too", required=False)

    def clean(self) -> dict[str, Any]:
        """Refuse what does not go together."""
        cleaned = super().clean() or {}
        if not self.errors:
            try:
                ExportOptions(**cleaned)
            except BadOptions as problem:
                raise forms.ValidationError(str(problem)) from problem
        return cleaned

    def options(self) -> ExportOptions:
        """The options as the action takes them."""
        return ExportOptions(**self.cleaned_data)
