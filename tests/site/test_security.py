"""Headers and logs of every response."""

import json
import logging

import pytest
from django.core.management import call_command
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory

from alignment_site import security, telemetry
from alignment_site.checks import the_database_is_postgresql, the_public_address_is_safe
from alignment_site.security import HeadersMiddleware
from alignment_site.telemetry import REQUEST_ID, RequestMiddleware

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("path", ["/accounts/login/", "/healthz", "/nowhere"])
def test_every_response_carries_a_policy_without_inline_code(client: Client, path: str) -> None:
    response = client.get(path)
    policy = response.headers["Content-Security-Policy"]
    assert "default-src 'self'" in policy
    assert "unsafe" not in policy
    assert "nonce" not in policy
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert response.headers["X-Frame-Options"] == "DENY"
    assert response.headers["Referrer-Policy"] == "same-origin"


def test_only_the_page_of_the_apis_documentation_has_a_looser_policy(rf: RequestFactory) -> None:
    middleware = HeadersMiddleware(lambda request: HttpResponse())
    loose = middleware(rf.get(security.API_PAGE)).headers["Content-Security-Policy"]
    assert "script-src 'self' 'unsafe-inline'" in loose
    assert "unsafe" not in middleware(rf.get(security.API_PAGE + "more/")).headers["Content-Security-Policy"]


def test_a_request_keeps_the_proxys_id_and_gets_one_without(client: Client) -> None:
    given = client.get("/healthz", headers={"x-request-id": "from-the-proxy.1"})
    assert given.headers["X-Request-ID"] == "from-the-proxy.1"
    for bad in ("", "x" * 65, "two\nlines", "<script>"):
        made = client.get("/healthz", headers={"x-request-id": bad}).headers["X-Request-ID"]
        assert len(made) == 16
        assert made != bad


def test_log_lines_of_a_request_carry_its_id(rf: RequestFactory, capsys: pytest.CaptureFixture[str]) -> None:
    seen: list[str] = []

    def view(request: HttpRequest) -> HttpResponse:
        seen.append(REQUEST_ID.get())
        return HttpResponse()

    RequestMiddleware(view)(rf.get("/", headers={"x-request-id": "known-id-1"}))
    assert seen == ["known-id-1"]
    assert REQUEST_ID.get() == ""


def test_a_line_of_another_library_is_one_json_object_too(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HEED_LOG_FORMAT", "json")
    handlers, level = logging.root.handlers[:], logging.root.level
    try:
        telemetry.configure_logging({})
        token = REQUEST_ID.set("known-id-2")
        logging.getLogger("somebody.else").warning("it %s", "broke")
        REQUEST_ID.reset(token)
        line = json.loads(capfd.readouterr().err.strip().splitlines()[-1])
    finally:
        logging.root.handlers[:], logging.root.level = handlers, level
    assert (line["event"], line["level"], line["request_id"]) == ("it broke", "warning", "known-id-2")


def test_requests_are_counted_by_view_and_status(client: Client) -> None:
    def count() -> float:
        return float(telemetry.REQUESTS.labels("healthz", "GET", "200")._value.get())

    before = count()
    client.get("/healthz")
    assert count() == before + 1


def test_the_checks_speak_up_about_an_open_site_without_encryption(settings) -> None:
    assert the_public_address_is_safe(None) == []
    settings.HEED_URL, settings.DEBUG = "http://heed.example.org", True
    assert [found.id for found in the_public_address_is_safe(None)] == ["heed.E001", "heed.W001"]
    settings.HEED_URL, settings.HTTPS, settings.DEBUG = "https://heed.example.org", True, False
    assert the_public_address_is_safe(None) == []


def test_no_other_database_passes(settings, monkeypatch: pytest.MonkeyPatch) -> None:
    assert the_database_is_postgresql(None) == []
    monkeypatch.setitem(settings.DATABASES["default"], "ENGINE", "django.db.backends.sqlite3")
    assert [found.id for found in the_database_is_postgresql(None)] == ["heed.E002"]


def test_djangos_own_deployment_checks_pass() -> None:
    call_command("check", deploy=True, fail_level="WARNING")
