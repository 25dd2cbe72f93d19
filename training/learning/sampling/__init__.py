"""How responses are made from a policy."""

from .decode import Sample, sample

__all__ = ["Sample", "sample"]
