"""Structured logs with a request id, and the counters behind /metrics."""

import contextvars
import logging
import logging.config
import re
import secrets
import sys
import time
from collections.abc import Callable
from typing import Any

import structlog
from django.http import HttpRequest, HttpResponse
from prometheus_client import Counter, Histogram

from alignment_site import env

REQUESTS = Counter("heed_requests_total", "Answered requests", ["view", "method", "status"])
SECONDS = Histogram(
    "heed_request_seconds",
    "Seconds until a response was ready to send",
    ["view"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10),
)
REQUEST_ID: contextvars.ContextVar[str] = contextvars.ContextVar("request_id", default="")
SLOW_SECONDS = 1.0
log = structlog.get_logger("heed.request")


class RequestMiddleware:
    """Gives each request an id (the proxy's, if sane), measures it, logs what is slow or broken."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        given = request.META.get("HTTP_X_REQUEST_ID", "")
        request_id = given if re.fullmatch(r"[\w.-]{8,64}", given) else secrets.token_hex(8)
        token = REQUEST_ID.set(request_id)
        started = time.perf_counter()
        try:
            response = self.get_response(request)
        finally:
            REQUEST_ID.reset(token)
        seconds = time.perf_counter() - started
        match = request.resolver_match
        view = match.view_name if match and match.view_name else "none"
        REQUESTS.labels(view, request.method or "", str(response.status_code)).inc()
        SECONDS.labels(view).observe(seconds)
        if response.status_code >= 500 or seconds > SLOW_SECONDS:
            log.warning(
                "slow or failed request",
                view=view,
                path=request.path,
                status=response.status_code,
                seconds=round(seconds, 3),
                request_id=request_id,
            )
        response.headers["X-Request-ID"] = request_id
        return response


def _add_request_id(logger: Any, name: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    if request_id := REQUEST_ID.get():
        event.setdefault("request_id", request_id)
    return event


def configure_logging(unused: dict[str, Any]) -> None:
    """Everything that logs, Django and uvicorn too, goes to stderr in one format."""
    style = env.choice("HEED_LOG_FORMAT", "console" if sys.stderr.isatty() else "json", ("console", "json"))
    level = env.choice("HEED_LOG_LEVEL", "info", ("debug", "info", "warning", "error")).upper()
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
        _add_request_id,
    ]
    last: list[Any] = (
        [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
        if style == "json"
        else [structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())]
    )
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    formatter = {
        "()": structlog.stdlib.ProcessorFormatter,
        "processors": [structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last],
        "foreign_pre_chain": shared,
    }
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "formatters": {"heed": formatter},
            "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "heed"}},
            "root": {"handlers": ["stderr"], "level": level},
            "loggers": {
                "django.request": {"level": "ERROR"},
                "uvicorn": {"level": "WARNING"},
                "procrastinate": {"level": "WARNING"},
                "httpx": {"level": "WARNING"},
            },
        }
    )
