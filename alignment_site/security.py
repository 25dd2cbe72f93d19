"""Headers that every response carries: a content security policy without inline code and without a nonce.

htmx stamps a page's nonce on any script that it swaps in, an injected one too; so there is none.
"""

from collections.abc import Callable
from typing import Final

from django.http import HttpRequest, HttpResponse

Handler = Callable[[HttpRequest], HttpResponse]

POLICY: Final = "; ".join(
    [
        "default-src 'self'",
        "img-src 'self' data:",
        "object-src 'none'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    ]
)
# The page of the API's documentation is another project's bundle with inline styles and one inline script.
API_PAGE: Final = "/api/docs/"
API_PAGE_POLICY: Final = POLICY + "; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'"
PERMISSIONS: Final = "camera=(), geolocation=(), microphone=(), payment=(), usb=()"


class HeadersMiddleware:
    """Adds the policy to every response; a response that already carries one keeps it."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        policy = API_PAGE_POLICY if request.path == API_PAGE else POLICY
        response.headers.setdefault("Content-Security-Policy", policy)
        response.headers.setdefault("Permissions-Policy", PERMISSIONS)
        return response
