"""Who we are to the API server: one path for Kopf's sessions and ours, and a token that is read anew as it rotates."""

import os
import time
from typing import Final
from weakref import WeakSet

import aiohttp
import kopf

REFRESH_SECONDS: Final = 60
"""A projected token is replaced long before it ends; a minute is soon enough."""


class NoCredentialsError(Exception):
    """Neither a service account nor a kubeconfig is at hand."""


class Credentials:
    """The address of the API server and the way to authenticate there."""

    def __init__(self) -> None:
        self._connection = _login()
        self._read_at = time.monotonic()
        self._sessions: WeakSet[aiohttp.ClientSession] = WeakSet()

    @property
    def server(self) -> str:
        """The URL of the API server."""
        return self._connection.server.rstrip("/")

    def session(self, limit: int, tracing: aiohttp.TraceConfig | None = None) -> aiohttp.ClientSession:
        """Return a session that authenticates every request with the token of the day."""
        session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=limit, ssl=self._connection.as_ssl_context()),
            middlewares=(self._authenticate,),
            headers={"User-Agent": "serinus"},
            trace_configs=[tracing] if tracing else [],
            proxy=self._connection.proxy_url,
        )
        self._sessions.add(session)
        return session

    async def close(self) -> None:
        """Close all sessions, whoever has them."""
        for session in list(self._sessions):
            await session.close()

    async def _authenticate(
        self, request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
    ) -> aiohttp.ClientResponse:
        request.headers.update(self._headers())
        return await handler(request)

    def _headers(self) -> dict[str, str]:
        if time.monotonic() - self._read_at > REFRESH_SECONDS:
            self._connection = _login()
            self._read_at = time.monotonic()
        return self._connection.as_http_headers()


def _login() -> kopf.ConnectionInfo:
    settings = kopf.OperatorSettings()
    in_cluster = kopf.login_with_service_account(settings=settings)
    try:
        connection = in_cluster or kopf.login_with_kubeconfig(settings=settings)
    except (OSError, kopf.LoginError) as error:
        raise NoCredentialsError(f"KUBECONFIG names no file that can be used: {error}") from error
    if connection is None:
        raise NoCredentialsError("no service account is mounted and there is no kubeconfig: set KUBECONFIG")
    host = os.environ.get("KUBERNETES_SERVICE_HOST")
    if in_cluster is None or host is None:
        return connection
    # By address rather than by name: the cluster's DNS may be what is broken.
    address = f"[{host}]" if ":" in host else host
    server = f"https://{address}:{os.environ.get('KUBERNETES_SERVICE_PORT', '443')}"
    return kopf.ConnectionInfo(server=server, ca_path=connection.ca_path, token=connection.token)
