"""HTTP and websockets in one server process."""

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "alignment_site.settings")

from django.core.wsgi import get_wsgi_application

django_application = get_wsgi_application()  # first: it loads the apps

from channels.auth import AuthMiddlewareStack  # noqa: E402
from channels.routing import ProtocolTypeRouter, URLRouter  # noqa: E402
from channels.security.websocket import AllowedHostsOriginValidator  # noqa: E402

import alignment_site.urls  # noqa: E402, F401  (every page's code, before the first request needs it)
from alignment_site import env  # noqa: E402
from alignment_site.threads import ThreadedHandler  # noqa: E402
from labeling.live.routes import websocket_urlpatterns  # noqa: E402

application = ProtocolTypeRouter(
    {
        "http": ThreadedHandler(django_application, threads=env.integer("HEED_WEB_THREADS", 4, low=1, high=12)),
        "websocket": AllowedHostsOriginValidator(AuthMiddlewareStack(URLRouter(websocket_urlpatterns))),
    }
)
