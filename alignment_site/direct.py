"""Connections past any transaction pooler, outside of Django's bookkeeping: LISTEN, NOTIFY, session locks."""

from typing import Any

import psycopg
from django.conf import settings
from django.db import connections

from alignment_site import env

# A peer that vanished without a word is noticed within about half a minute.
ALIVE = {
    "connect_timeout": 5,
    "keepalives": 1,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 20_000,
}


def parameters(purpose: str) -> dict[str, Any]:
    """libpq parameters of the site's database; `purpose` shows in pg_stat_activity."""
    named = {**ALIVE, "application_name": f"heed {purpose}"}
    if env.text("DATABASE_DIRECT_URL"):
        return {**psycopg.conninfo.conninfo_to_dict(settings.DATABASE_DIRECT_URL), **named}
    current = connections["default"].settings_dict  # not the settings: a test has a database of its own
    found = {
        "dbname": current["NAME"],
        "user": current["USER"],
        "password": current["PASSWORD"],
        "host": current["HOST"],
        "port": current["PORT"],
        **{key: value for key, value in current["OPTIONS"].items() if key not in ("pool", "server_side_binding")},
    }
    return {**{key: value for key, value in found.items() if value}, **named}


def connect(purpose: str) -> psycopg.Connection[tuple[Any, ...]]:
    """An autocommit connection of the caller's own; the caller closes it."""
    return psycopg.connect(**parameters(purpose), autocommit=True)


async def connect_async(purpose: str) -> psycopg.AsyncConnection[tuple[Any, ...]]:
    """The same connection for asynchronous code."""
    return await psycopg.AsyncConnection.connect(**parameters(purpose), autocommit=True)
