"""One web process: uvicorn on a socket that its parent has bound.

`python -m alignment_site.web` with HEED_LISTEN_FD set. All web processes accept from the same socket, so that a
killed one leaves its waiting connections to the others and to its successor.
"""

import gc
import os
import socket

from alignment_site import env, lifeline

LISTEN_FD = "HEED_LISTEN_FD"


def bind(host: str, port: int) -> socket.socket:
    """A listening socket. OSError when the address is taken or not this machine's."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    family, kind, protocol, _, address = sorted(found, key=lambda entry: entry[0] != socket.AF_INET)[0]
    listener = socket.socket(family, kind, protocol)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        listener.bind(address)
        listener.listen(1024)
    except OSError:
        listener.close()
        raise
    return listener


def main() -> None:
    """Serve on the socket that the supervisor handed over, until its pipe closes."""
    os.environ["HEED_PROCESS"] = "web"
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "alignment_site.settings")
    listener = socket.socket(fileno=int(os.environ.pop(LISTEN_FD)))
    lifeline.hold_on()
    import uvicorn

    from alignment_site.asgi import application

    # What is loaded now stays: the collector need not look at it again after every few hundred requests.
    gc.collect()
    gc.freeze()
    behind_proxy = env.flag("HEED_PROXY_HEADERS")
    config = uvicorn.Config(
        application,
        log_config=None,
        access_log=False,
        lifespan="off",
        ws="websockets-sansio",
        ws_max_size=65_536,
        server_header=False,
        proxy_headers=behind_proxy,
        forwarded_allow_ips="*" if behind_proxy else None,
        timeout_graceful_shutdown=5,
        timeout_keep_alive=75,
    )
    uvicorn.Server(config).run(sockets=[listener])


if __name__ == "__main__":
    main()
