"""Secrets that are shown once and kept as hashes."""

import hashlib
import secrets


def new_secret() -> str:
    """A secret of 256 bits, fit for a link."""
    return secrets.token_urlsafe(32)


def hashed(secret: str) -> str:
    """Its sha256. A plain hash is enough, because nobody can guess 256 random bits."""
    return hashlib.sha256(secret.encode()).hexdigest()
