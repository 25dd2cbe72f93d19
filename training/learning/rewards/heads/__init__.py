"""Reward models by what their head says of a response: attributes, embeddings, steps, criteria, rankings."""
