"""The settings of the server that the browser tests talk to: the site's own, with the tests' fast password hash."""

from alignment_site.settings import *  # noqa: F403

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
