"""The site's settings on a PostgreSQL of the test session's own."""

from tests.database import start_session_server

start_session_server()

from alignment_site.settings import *  # noqa: E402, F403

# One round of a fast hash: a test that logs in should not spend 50 ms on it.
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
