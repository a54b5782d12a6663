"""Who we are to the API server: found in the pod or in a kubeconfig, and read anew as tokens are replaced."""

import base64
from collections.abc import AsyncIterator
from pathlib import Path

import kopf
import pytest
import yaml
from aiohttp import web
from aiohttp.test_utils import BaseTestServer, TestServer

from serinus.cluster import credentials
from serinus.cluster.credentials import REFRESH_SECONDS, Credentials, NoCredentialsError


class Clock:
    """Time as the credentials see it; the event loop has its own."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(credentials, "time", clock)
    return clock


@pytest.fixture
async def server() -> AsyncIterator[BaseTestServer]:
    """Answers with the credentials it was shown."""

    async def echo(request: web.Request) -> web.Response:
        return web.json_response({name: request.headers.get(name) for name in ("Authorization", "User-Agent")})

    application = web.Application()
    application.router.add_get("/", echo)
    async with TestServer(application) as server:
        yield server


@pytest.fixture
def kubeconfig(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    monkeypatch.setattr(kopf, "login_with_service_account", lambda **_: None)
    file = tmp_path / "kubeconfig"
    monkeypatch.setenv("KUBECONFIG", str(file))
    return file


def write(file: Path, token: str, server: str = "https://198.18.0.1:6443") -> None:
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "here",
        "contexts": [{"name": "here", "context": {"cluster": "c", "user": "u"}}],
        "clusters": [{"name": "c", "cluster": {"server": server}}],
        "users": [{"name": "u", "user": {"token": token}}],
    }
    file.write_text(yaml.safe_dump(content))


async def shown(found: Credentials) -> dict[str, str]:
    async with found.session(limit=1) as session, session.get(found.server) as response:
        answer: dict[str, str] = await response.json()
    return answer


async def test_every_request_shows_the_token_and_who_asks(kubeconfig: Path, server: BaseTestServer) -> None:
    write(kubeconfig, "first", str(server.make_url("")))
    assert await shown(Credentials()) == {"Authorization": "Bearer first", "User-Agent": "serinus"}


async def test_a_session_that_is_open_shows_the_new_token_soon_after_it_came(
    kubeconfig: Path, server: BaseTestServer, clock: Clock
) -> None:
    write(kubeconfig, "first", str(server.make_url("")))
    found = Credentials()
    tokens = []
    async with found.session(limit=1) as session:
        for now in (0, REFRESH_SECONDS, REFRESH_SECONDS + 1):
            clock.now = now
            async with session.get(found.server) as response:
                tokens.append((await response.json())["Authorization"])
            write(kubeconfig, "second", found.server)
    assert tokens == ["Bearer first", "Bearer first", "Bearer second"]


async def test_all_sessions_are_closed_together(kubeconfig: Path) -> None:
    write(kubeconfig, "first")
    found = Credentials()
    sessions = [found.session(limit=1) for _ in range(2)]
    await sessions[0].close()
    await found.close()
    assert all(session.closed for session in sessions)


def test_the_address_has_no_slash_at_its_end(kubeconfig: Path) -> None:
    write(kubeconfig, "t", "https://198.18.0.1:6443/")
    assert Credentials().server == "https://198.18.0.1:6443"


def test_without_any_the_message_says_what_to_set(kubeconfig: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KUBECONFIG")
    monkeypatch.setenv("HOME", str(kubeconfig.parent))
    with pytest.raises(NoCredentialsError, match="set KUBECONFIG"):
        Credentials()


def test_a_kubeconfig_that_is_not_there_is_named(kubeconfig: Path) -> None:
    with pytest.raises(NoCredentialsError, match=f"No such file or directory: '{kubeconfig}'"):
        Credentials()


def test_a_kubeconfig_without_a_context_is_told(kubeconfig: Path) -> None:
    kubeconfig.write_text("kind: Config\n")
    with pytest.raises(NoCredentialsError, match="Current context is not set"):
        Credentials()


@pytest.mark.parametrize(
    ("host", "port", "server"),
    [
        ("198.18.48.1", "443", "https://198.18.48.1:443"),
        ("198.18.48.1", None, "https://198.18.48.1:443"),
        ("fd00::1", "6443", "https://[fd00::1]:6443"),
    ],
    ids=["IPv4", "no port", "IPv6"],
)
def test_in_a_pod_the_server_is_asked_by_address_since_names_may_be_what_is_broken(
    host: str, port: str | None, server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    by_name = kopf.ConnectionInfo(server="https://kubernetes.default.svc", token="of the pod")  # noqa: S106 - a test's
    monkeypatch.setattr(kopf, "login_with_service_account", lambda **_: by_name)
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", host)
    if port:
        monkeypatch.setenv("KUBERNETES_SERVICE_PORT", port)
    else:
        monkeypatch.delenv("KUBERNETES_SERVICE_PORT", raising=False)
    assert Credentials().server == server


def test_a_pods_own_account_comes_before_a_kubeconfig(kubeconfig: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(kubeconfig, "mine")
    monkeypatch.setattr(kopf, "login_with_service_account", lambda **_: kopf.ConnectionInfo(server="https://pod"))
    assert Credentials().server == "https://pod"


def test_a_certificate_in_the_kubeconfig_is_used(kubeconfig: Path) -> None:
    write(kubeconfig, "t")
    content = yaml.safe_load(kubeconfig.read_text())
    content["clusters"][0]["cluster"]["certificate-authority-data"] = base64.b64encode(b"no certificate").decode()
    kubeconfig.write_text(yaml.safe_dump(content))
    with pytest.raises(Exception, match=r"(?i)pem|certificate"):
        Credentials()._connection.as_ssl_context()  # noqa: SLF001 - there is no server with TLS here
