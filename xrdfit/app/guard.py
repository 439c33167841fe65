"""Who is let in: this computer's own page, and nobody else.

The server listens on the loopback address, but every page that the browser shows can send requests there. So each
request must name this host (no other name may have been made to point here), must not come from another origin, and
must carry the token that only the address given to the user holds.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from hmac import compare_digest
from typing import Any
from urllib.parse import parse_qs

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[MutableMapping[str, Any], Receive, Send], Awaitable[None]]

TOKEN_HEADER = b"x-xrdfit-token"
_HEADERS = [
    (b"cache-control", b"no-store"),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
]


class Guard:
    """An ASGI application around another that answers 403 to strangers."""

    def __init__(self, application: Application, token: str, port: int) -> None:
        self._application = application
        self._token = token.encode("ascii")
        self._hosts = {f"{name}:{port}".encode("ascii") for name in ("127.0.0.1", "localhost")}
        if port == 80:
            self._hosts |= {b"127.0.0.1", b"localhost"}

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        """Let a request through, or refuse it."""
        if scope["type"] == "lifespan":
            await self._application(scope, receive, send)
        elif scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1008})
        elif reason := self._refused(scope):
            body = f"xrdfit app: {reason}\n".encode()
            plain = (b"content-type", b"text/plain; charset=utf-8")
            await send({"type": "http.response.start", "status": 403, "headers": [plain, *_HEADERS]})
            await send({"type": "http.response.body", "body": body})
        else:
            await self._application(scope, receive, _with_headers(send))

    def _refused(self, scope: MutableMapping[str, Any]) -> str:
        """Say why a request is refused; nothing where it is not."""
        headers: list[tuple[bytes, bytes]] = scope["headers"]
        every: dict[bytes, list[bytes]] = {}
        for name, value in headers:
            every.setdefault(name.lower(), []).append(value)
        hosts, origins = every.get(b"host", []), every.get(b"origin", [])
        if len(hosts) != 1 or hosts[0].lower() not in self._hosts:
            return "another host"
        if any(origin.lower() != b"http://" + hosts[0].lower() for origin in origins):
            return "another origin"
        if any(site not in (b"same-origin", b"none") for site in every.get(b"sec-fetch-site", [])):
            return "another site"
        given = every.get(TOKEN_HEADER, [])
        if not given and scope["path"] == "/":
            given = [
                text.encode("utf-8", "replace")
                for text in parse_qs(scope["query_string"].decode("latin-1")).get("token", [])
            ]
        if len(given) != 1 or not compare_digest(given[0], self._token):
            return "the token is missing or wrong; open the address that `xrdfit app` printed"
        return ""


def _with_headers(send: Send) -> Send:
    async def sent(message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message.get("headers", []), *_HEADERS]
        await send(message)

    return sent
