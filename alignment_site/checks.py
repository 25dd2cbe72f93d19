"""System checks: what a deployment must not get wrong."""

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register


@register(Tags.security)
def the_public_address_is_safe(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """A site that others reach needs HTTPS, and never tracebacks in the browser."""
    found: list[CheckMessage] = []
    loopback = any(settings.HEED_URL.startswith(f"http://{name}") for name in ("127.0.0.1", "localhost", "[::1]"))
    if settings.DEBUG and not loopback:
        found.append(
            Error(
                "HEED_DEBUG shows settings and code to every visitor.",
                hint="Unset HEED_DEBUG.",
                id="heed.E001",
            )
        )
    if not loopback and not settings.HTTPS:
        hint = "Put a proxy with a certificate in front and set HEED_URL to its https:// address."
        found.append(Warning("Passwords travel unencrypted.", hint=hint, id="heed.W001"))
    return found


@register(Tags.database)
def the_database_is_postgresql(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """Row locks, notifications and append-only triggers are PostgreSQL's; nothing else can take its place."""
    engine = settings.DATABASES["default"]["ENGINE"]
    if not engine.endswith("postgresql"):
        return [
            Error(
                f"{engine} cannot run Heed.",
                hint="Set DATABASE_URL to a PostgreSQL database.",
                id="heed.E002",
            )
        ]
    return []
