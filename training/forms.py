"""Forms of the machines' pages."""

import secrets

from django import forms

from labeling.forms import PlainForm


class TryForm(PlainForm):
    """A prompt to try, and the seed that makes the answers repeatable."""

    text = forms.CharField(label="Prompt", max_length=20_000, widget=forms.Textarea(attrs={"rows": 3}))
    seed = forms.IntegerField(
        min_value=0,
        max_value=2**31 - 1,
        initial=lambda: secrets.randbelow(10_000),
        help_text="The same seed, the same answers.",
    )


class PromoteForm(PlainForm):
    """Promotion by hand wants a reason, which is stored."""

    reason = forms.CharField(max_length=500)
