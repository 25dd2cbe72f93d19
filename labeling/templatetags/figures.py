"""Figures as people read them."""

from django import template

register = template.Library()


@register.filter
def percent(share: float | None, decimals: int = 0) -> str:
    """A share of 1 as per cent: 0.734 is 73 %."""
    return "–" if share is None else f"{100 * share:.{decimals}f} %"
