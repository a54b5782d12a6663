"""What ASGI passes between a server and an application, see https://asgi.readthedocs.io. Used by the middleware."""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

Message = MutableMapping[str, Any]
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]


def header_of(headers: list[tuple[bytes, bytes]], wanted: bytes) -> bytes:
    """Return the value of the first header of a name, empty where there is none."""
    return next((value for name, value in headers if name.lower() == wanted), b"")


def path_of(scope: Scope) -> str:
    """Return the path as the application sees it, without what it is mounted under."""
    path: str = scope["path"]
    root: str = scope.get("root_path", "")
    return path.removeprefix(root) if path.startswith(f"{root}/") else path
