"""The site's settings on a PostgreSQL of the test session's own."""

import os

from alignment_site.patience import PATIENT
from tests.database import appoint_session_server

if "PYTEST_XDIST_WORKER" in os.environ:
    # Workers side by side: a thread of one that spins takes the other's core. Read when torch and numpy are loaded.
    os.environ |= {**PATIENT, "OMP_NUM_THREADS": "1"}
appoint_session_server()

from alignment_site.settings import *  # noqa: E402, F403

# One round of a fast hash: a test that logs in should not spend 50 ms on it.
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
