"""/healthz and /metrics."""

import pytest
from django.test import Client


@pytest.mark.django_db
def test_a_healthy_site_says_that_the_database_is_reachable(client: Client) -> None:
    response = client.get("/healthz")
    assert response.status_code == 200
    assert response.json() == {"database": "ok"}


@pytest.mark.django_db
def test_metrics_are_open_on_loopback_and_ask_others_for_a_token(client: Client, settings) -> None:
    assert b"heed_requests_total" in client.get("/metrics").content
    assert client.get("/metrics", REMOTE_ADDR="203.0.113.9").status_code == 401
    assert client.get("/metrics", HTTP_X_FORWARDED_FOR="127.0.0.1").status_code == 401
    wrong = client.get("/metrics", REMOTE_ADDR="203.0.113.9", HTTP_AUTHORIZATION="Bearer nonsense")
    assert wrong.status_code == 401
    bearer = f"Bearer {settings.METRICS_TOKEN}"
    assert client.get("/metrics", REMOTE_ADDR="203.0.113.9", HTTP_AUTHORIZATION=bearer).status_code == 200
