"""Which comparison is worth asking: scores of candidate pairs under the posterior."""

from .information import METHODS, score_pairs

__all__ = ["METHODS", "score_pairs"]
