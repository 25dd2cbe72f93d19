"""Typed readers of the environment. A wrong value stops the program in words; an undeclared name is a bug.

Standard library only: `bootstrap.py` imports this before anything is installed.
"""

import os
from pathlib import Path
from urllib.parse import urlsplit

CHECKOUT = Path(__file__).resolve().parent.parent

# Every name that Heed reads. `doctor` prints this table and a test looks for each name in the README.
DECLARED = {
    "PORT": "port of the web server (8000)",
    "HEED_HOST": "address that the web server binds (127.0.0.1)",
    "HEED_URL": "the address people type, when a proxy stands in front (http://HEED_HOST:PORT)",
    "HEED_HOME": "folder of everything that Heed stores (.heed in the checkout)",
    "DATABASE_URL": "PostgreSQL to use instead of the bundled one",
    "DATABASE_DIRECT_URL": "the same database past a transaction pooler: LISTEN, worker, migrations, backups",
    "HEED_DB_USER": "account for the bundled PostgreSQL when root may not create user namespaces",
    "HEED_SECRET_KEY": "signing key (else made once, in HEED_HOME/secret-key)",
    "HEED_DEBUG": "1 shows tracebacks in the browser; never in production",
    "HEED_LOG_FORMAT": "console or json (console on a terminal, else json)",
    "HEED_LOG_LEVEL": "debug, info, warning or error (info)",
    "HEED_METRICS_TOKEN": "bearer token that /metrics asks of anyone who is not on loopback",
    "HEED_WEB_PROCESSES": "web server processes (2, or 1 on a single core)",
    "HEED_WEB_THREADS": "requests that one web process works on at a time (4)",
    "HEED_REDIS_URL": "Redis for live updates instead of PostgreSQL's LISTEN/NOTIFY (needs channels-redis)",
    "HEED_PROXY_HEADERS": "1 trusts X-Forwarded-Proto and X-Forwarded-For of the proxy in front",
    "HEED_JUDGE_URL": "language model that judges and writes: the address before /chat/completions",
    "HEED_JUDGE_MODEL": "its name, as its server knows it",
    "HEED_JUDGE_KEY": "its key, if it wants one; never stored or shown",
    "HEED_IMPORT_MAX_MB": "largest file to import, in MiB of text once decompressed (4096)",
    "HEED_CACHE_MAX_MB": "most of a project's disk, in MiB, for what frozen models made of its responses (2048)",
    "HEED_REQUIRE_BROWSER": "1 makes a missing browser fail the tests that need one instead of skipping them",
    "HEED_BROWSER": "path of the Chromium that the browser tests use",
    "TORCH_ARGS": "arguments that `make up` passes to pip for torch",
}


class BadSetting(ValueError):
    """A setting from outside cannot be used; the message says which, why and what to write."""


def text(name: str, default: str = "") -> str:
    """The value without surrounding white space; an empty value counts as not set."""
    if name not in DECLARED:
        raise KeyError(f"{name} is not declared in alignment_site/env.py")
    return os.environ.get(name, "").strip() or default


def flag(name: str, default: bool = False) -> bool:
    """A yes or no. Raises BadSetting for another word."""
    value = text(name).lower()
    if value in ("", "0", "false", "no", "off"):
        return default if value == "" else False
    if value in ("1", "true", "yes", "on"):
        return True
    raise BadSetting(f"{name} is {value!r}; write 1 or 0.")


def integer(name: str, default: int, *, low: int, high: int) -> int:
    """A whole number between `low` and `high`. Raises BadSetting otherwise."""
    value = text(name)
    if not value:
        return default
    try:
        number = int(value)
    except ValueError:
        raise BadSetting(f"{name} is {value!r}; write a whole number from {low} to {high}.") from None
    if not low <= number <= high:
        raise BadSetting(f"{name} is {number}; write a whole number from {low} to {high}.")
    return number


def choice(name: str, default: str, allowed: tuple[str, ...]) -> str:
    """One of several words. Raises BadSetting for another one."""
    value = text(name, default).lower()
    if value not in allowed:
        raise BadSetting(f"{name} is {value!r}; write one of {', '.join(allowed)}.")
    return value


def url(name: str, schemes: tuple[str, ...], default: str = "") -> str:
    """A URL whose scheme is one of `schemes`, without a trailing slash."""
    value = text(name, default).rstrip("/")
    if value and urlsplit(value).scheme not in schemes:
        raise BadSetting(f"{name} must begin with {' or '.join(s + '://' for s in schemes)}.")
    return value


def home() -> Path:
    """HEED_HOME as an absolute path; nothing is created here."""
    return Path(text("HEED_HOME", str(CHECKOUT / ".heed"))).expanduser().absolute()


def port() -> int:
    """The web server's port."""
    return integer("PORT", 8000, low=1, high=65535)


def host() -> str:
    """The address that the web server binds."""
    return text("HEED_HOST", "127.0.0.1")


def public_url() -> str:
    """The address that people type: HEED_URL, else the address of the web server itself."""
    shown = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host(), host())
    shown = f"[{shown}]" if ":" in shown and not shown.startswith("[") else shown
    return url("HEED_URL", ("http", "https"), f"http://{shown}:{port()}")


def allowed_hosts(address: str) -> list[str]:
    """Host names that requests may carry: the public one, the bound one and loopback."""
    names = {urlsplit(address).hostname or "", host(), "localhost", "127.0.0.1", "[::1]"}
    return sorted(names - {"", "0.0.0.0", "::"})


def cookie_names(address: str) -> tuple[str, str]:
    """Names of the session and CSRF cookies. Browsers share cookies between ports, so two checkouts on one
    machine would log each other out under one name."""
    number = urlsplit(address).port
    suffix = f"_{number}" if number else ""
    return f"heed_session{suffix}", f"heed_csrf{suffix}"
