"""Reward models: the fast posterior on frozen features and the deep pairwise model."""
