"""The shell seen by a browser."""

from typing import Any

import pytest

from tests.conftest import LiveSite

pytestmark = pytest.mark.browser


def test_the_sign_in_page_keeps_the_content_security_policy(page: Any, live_site: LiveSite) -> None:
    response = page.goto(f"{live_site.url}/accounts/login/")
    assert response.status == 200
    assert "default-src 'self'" in response.headers["content-security-policy"]
    assert page.locator("input[name=login]").is_visible()


def test_an_inline_script_is_refused_and_reported(browser: Any, live_site: LiveSite) -> None:
    """The check of the `page` fixture would be worthless if a violation did not reach the console."""
    page = browser.new_page()
    said: list[str] = []
    page.on("console", lambda line: said.append(line.text))
    page.goto(f"{live_site.url}/accounts/login/")
    page.evaluate(
        "() => { const s = document.createElement('script'); s.text = 'window.ran = 1'; document.body.append(s) }"
    )
    assert page.evaluate("window.ran") is None
    assert any("Content Security Policy" in line for line in said)
    page.close()
