"""Django's settings. Everything that a deployment may change is read from the environment through env.py."""

import os
from pathlib import Path
from typing import Any

import psycopg.conninfo

from alignment_site import env, postgres

BASE_DIR = env.CHECKOUT
HEED_HOME: Path = env.home()
HEED_HOME.mkdir(mode=0o700, parents=True, exist_ok=True)
HEED_URL = env.public_url()

# The role of this process. Web processes keep a connection pool and may sit behind a transaction pooler;
# everything else has direct connections, because a pooler silently loses LISTEN and session locks.
IS_WEB = os.environ.get("HEED_PROCESS") == "web"

SECRET_KEY = env.text("HEED_SECRET_KEY") or postgres.new_secret(HEED_HOME / "secret-key")
DEBUG = env.flag("HEED_DEBUG")
HTTPS = HEED_URL.startswith("https://")
ALLOWED_HOSTS = env.allowed_hosts(HEED_URL)
CSRF_TRUSTED_ORIGINS = [HEED_URL]

INSTALLED_APPS = [
    "labeling.apps.LabelingConfig",
    "training.apps.TrainingConfig",
    "alignment_site.apps.SiteConfig",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.postgres",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "django_htmx",
    "channels",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "procrastinate.contrib.django",
]

MIDDLEWARE = [
    "alignment_site.telemetry.RequestMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "alignment_site.security.HeadersMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "allauth.account.middleware.AccountMiddleware",
]

ROOT_URLCONF = "alignment_site.urls"
ASGI_APPLICATION = "alignment_site.asgi.application"

TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    }
]

# --- the database


# Statements of prepared.py are planned once per connection; not behind a transaction pooler, where the next statement
# meets another session.
PREPARED = {} if env.text("DATABASE_DIRECT_URL") else {"prepare_threshold": 3}


def _database(url: str) -> dict[str, Any]:
    """Django's dictionary for a libpq URL."""
    parts: dict[str, Any] = {key: value for key, value in psycopg.conninfo.conninfo_to_dict(url).items() if value}
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": parts.pop("dbname", "heed"),
        "USER": parts.pop("user", ""),
        "PASSWORD": parts.pop("password", ""),
        "HOST": parts.pop("host", ""),
        "PORT": str(parts.pop("port", "")),
        "OPTIONS": {**parts, **PREPARED},
        "CONN_MAX_AGE": 0,
        # A pooler may hand the next statement to another server session, where a named cursor does not exist.
        "DISABLE_SERVER_SIDE_CURSORS": bool(env.text("DATABASE_DIRECT_URL")),
    }


DATABASE_DIRECT_URL = postgres.direct_url()
DATABASES = {"default": _database(postgres.database_url() if IS_WEB else DATABASE_DIRECT_URL)}
if IS_WEB:
    # The check costs one empty round trip per request and spares people an error page for each pooled
    # connection after the database was restarted.
    DATABASES["default"]["OPTIONS"]["pool"] = {"min_size": 2, "max_size": 12, "timeout": 5}
    DATABASES["default"]["CONN_HEALTH_CHECKS"] = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# --- people

AUTH_USER_MODEL = "labeling.Person"
AUTHENTICATION_BACKENDS = [
    "alignment_site.sessions.PersonBackend",
    "allauth.account.auth_backends.AuthenticationBackend",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
# scrypt needs no further package and resists graphics cards; older hashes are upgraded at log-in.
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.ScryptPasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/"
ACCOUNT_LOGIN_METHODS = {"username", "email"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "email", "password1*", "password2*"]
ACCOUNT_EMAIL_VERIFICATION = "none"  # a local first run has no mail server
ACCOUNT_LOGOUT_REDIRECT_URL = "/"
ACCOUNT_SESSION_REMEMBER = True
ACCOUNT_ADAPTER = "labeling.pages.signing_up.InvitedOnly"
EMAIL_BACKEND = "django.core.mail.backends.console.EmailBackend"

# Sessions live in the database alone: a copy in one process's memory would outlive a log-out in the other.
SESSION_ENGINE = "alignment_site.sessions"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_NAME, CSRF_COOKIE_NAME = env.cookie_names(HEED_URL)
MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"

# --- security headers (the content security policy itself is in security.py)

SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS else 0
if env.flag("HEED_PROXY_HEADERS"):
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
METRICS_TOKEN = env.text("HEED_METRICS_TOKEN") or postgres.new_secret(HEED_HOME / "metrics-token")
SILENCED_SYSTEM_CHECKS = [
    "security.W004",  # HSTS and the next three follow HEED_URL: a loopback site is plain HTTP
    "security.W008",
    "security.W012",
    "security.W016",
]

# --- live updates

REDIS_URL = env.url("HEED_REDIS_URL", ("redis", "rediss"))
CHANNEL_LAYERS: dict[str, dict[str, Any]] = {
    "default": {"BACKEND": "channels_redis.core.RedisChannelLayer", "CONFIG": {"hosts": [REDIS_URL]}}
    if REDIS_URL
    else {"BACKEND": "alignment_site.live.PostgresChannelLayer"}
}

# --- the API

REST_FRAMEWORK = {
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "labeling.api.authentication.TokenAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "EXCEPTION_HANDLER": "labeling.api.doors.answer",
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_PAGINATION_CLASS": "rest_framework.pagination.CursorPagination",
    "PAGE_SIZE": 100,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Heed",
    "DESCRIPTION": "Preference judgments in, better language models out.",
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
    "ENUM_NAME_OVERRIDES": {
        "JobState": "labeling.models.JobState",
        "RunState": "training.models.Run.State",
        "PolicyState": "training.models.PolicyVersion.State",
        "RewardState": "training.models.RewardVersion.State",
    },
}

# --- static files, uploads, language

STATIC_URL = "static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
# WhiteNoise reads the files where they lie: no build step that a `git pull` could miss.
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = DEBUG
WHITENOISE_MAX_AGE = 60
DATA_UPLOAD_MAX_MEMORY_SIZE = 5_000_000
FILE_UPLOAD_TEMP_DIR = None
IMPORT_MAX_BYTES = env.integer("HEED_IMPORT_MAX_MB", 4096, low=1, high=1_000_000) * 2**20
CACHE_MAX_BYTES = env.integer("HEED_CACHE_MAX_MB", 2048, low=0, high=1_000_000) * 2**20
TRANSFERS = HEED_HOME / "transfers"  # uploaded files until they are in, and exported ones until they are taken away
LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_I18N = False
USE_TZ = True

# --- logs

LOGGING_CONFIG = "alignment_site.telemetry.configure_logging"
LOGGING: dict[str, Any] = {"version": 1}  # Django passes it on only when it is not empty
