"""/healthz for load balancers and /metrics for Prometheus."""

import hmac
import ipaddress

from django.conf import settings
from django.db import DatabaseError, connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest


@require_safe
def healthz(request: HttpRequest) -> JsonResponse:
    """200 when this process can reach the database, else 503."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        return JsonResponse({"database": "unreachable"}, status=503)
    return JsonResponse({"database": "ok"})


@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """Prometheus' text format, for loopback or for a bearer of the token (HEED_METRICS_TOKEN)."""
    if not (_from_loopback(request) or _bears_token(request)):
        return HttpResponse("Send the header Authorization: Bearer <HEED_METRICS_TOKEN>.\n", "text/plain", 401)
    return HttpResponse(generate_latest(), content_type=CONTENT_TYPE_LATEST)


def _from_loopback(request: HttpRequest) -> bool:
    """A proxy on this machine also connects from loopback, but says for whom: then the token is asked."""
    if "HTTP_X_FORWARDED_FOR" in request.META or "HTTP_FORWARDED" in request.META:
        return False
    try:
        return ipaddress.ip_address(request.META.get("REMOTE_ADDR", "")).is_loopback
    except ValueError:
        return False


def _bears_token(request: HttpRequest) -> bool:
    scheme, _, token = request.META.get("HTTP_AUTHORIZATION", "").partition(" ")
    return scheme.lower() == "bearer" and hmac.compare_digest(token.encode(), settings.METRICS_TOKEN.encode())
