"""Measurements of the real thing: the site's own processes, its own database, and clients that do what a page does."""
