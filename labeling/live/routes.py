"""Where sockets are answered."""

from django.urls import path

from labeling.live.looking import LookAgain

websocket_urlpatterns = [path("live/", LookAgain.as_asgi())]
