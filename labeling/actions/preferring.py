"""What a person prefers for themselves."""

from labeling.models import Person


def set_single_keys(*, person: Person, on: bool) -> None:
    """Verdicts by single keys, on or off, on every machine of this person."""
    person.single_keys = on
    person.save(update_fields=["single_keys"])
