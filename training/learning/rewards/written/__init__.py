"""Rewards that a language model writes: as code over declared features, or as text before a score."""
