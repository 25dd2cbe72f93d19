"""What the catalogue says of a method."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Kind = Literal["objective", "modifier", "reward", "reward_check", "other"]


@dataclass(frozen=True)
class Method:
    """A published method.

    ``module`` is its dotted path and ``cost`` is said beside plain fine-tuning. ``recipe`` is what choosing it sets:
    for an objective ``loss_type`` and the dials that its paper begins with, in a policy recipe; for a modifier the
    dials that it adds, the one that turns it on first; for a reward method ``method`` and its dials, in a reward
    recipe.
    """

    key: str
    paper: str
    module: str
    needs: str
    summary: str
    cost: str = ""
    kind: Kind = "other"
    recipe: Mapping[str, Any] = field(default_factory=dict)
