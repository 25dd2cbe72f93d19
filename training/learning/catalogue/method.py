"""What the catalogue says of a method."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Method:
    """A published method. ``module`` is its dotted path, ``cost`` is relative to what it stands beside."""

    key: str
    paper: str
    module: str
    needs: str
    summary: str
    cost: str = ""
