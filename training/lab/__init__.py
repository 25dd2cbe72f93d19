"""Simulated people, honestly labelled: tastes to judge by, and drivers of the real endpoints."""
