"""A small client of the API server for tests and for setting a cluster up: read, apply, patch, delete, by kind."""

import base64
import contextlib
import http.client
import json
import ssl
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import yaml

Json = dict[str, Any]

APPLY = "application/apply-patch+yaml"
MERGE = "application/merge-patch+json"


class ApiError(Exception):
    """The API server answered with an error."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(f"{status}: {message}")
        self.status = status
        self.message = message


class _Kept:
    """A connection that is used again, and closed when nobody has it any more."""

    def __init__(self, connection: http.client.HTTPConnection) -> None:
        self.connection = connection

    def __del__(self) -> None:
        self.connection.close()


class Api:
    """One API server, as one user.

    Tests poll, and to connect costs more than all the rest: each thread keeps the connection by which it reads. A write
    has its own, for nobody knows whether one was done whose answer never came by a connection that had ended meanwhile.
    """

    def __init__(
        self, server: str, *, token: str | None = None, authority: str | None = None, user: str | None = None
    ) -> None:
        self.server = server
        self.token = token
        self.authority = authority
        """The certificate, as text, that the server's own must be signed with."""
        self.user = user
        """In whose name an administrator asks, if not in the own."""
        self._plurals: dict[str, dict[str, tuple[str, bool]]] = {}
        self._kept = threading.local()

    @classmethod
    def from_kubeconfig(cls, file: Path) -> "Api":
        """The API server of a kubeconfig that `ControlPlane` wrote."""
        content = yaml.safe_load(file.read_text())
        cluster = content["clusters"][0]["cluster"]
        authority = base64.b64decode(cluster["certificate-authority-data"]).decode()
        return cls(cluster["server"], token=content["users"][0]["user"]["token"], authority=authority)

    def as_user(self, name: str) -> "Api":
        """The same API server as somebody sees it who is nothing but a user of that name."""
        return Api(self.server, token=self.token, authority=self.authority, user=name)

    def read(self, api_version: str, kind: str, name: str, namespace: str | None = None) -> Json | None:
        """The object, or None where there is none."""
        try:
            return self.request("GET", self.path(api_version, kind, namespace, name))
        except ApiError as error:
            if error.status == http.HTTPStatus.NOT_FOUND:
                return None
            raise

    def find(self, api_version: str, kind: str, namespace: str | None = None, *, labels: str = "") -> list[Json]:
        path = self.path(api_version, kind, namespace)
        items: list[Json] = self.request("GET", path, query={"labelSelector": labels} if labels else {})["items"]
        return items

    def create(self, manifest: Json) -> Json:
        path = self._path_of(manifest)
        return self.request("POST", path.rpartition("/")[0], manifest)

    def apply(self, manifest: Json, *, field_manager: str = "tests") -> Json:
        """Server-side apply, taking over what another manager holds."""
        query = {"fieldManager": field_manager, "force": "true"}
        return self.request("PATCH", self._path_of(manifest), manifest, content_type=APPLY, query=query)

    def apply_status(self, manifest: Json, *, field_manager: str = "tests") -> Json:
        query = {"fieldManager": field_manager, "force": "true"}
        return self.request("PATCH", self._path_of(manifest) + "/status", manifest, content_type=APPLY, query=query)

    def patch(
        self, api_version: str, kind: str, name: str, patch: Json, namespace: str | None = None, *, part: str = ""
    ) -> Json:
        """A JSON merge patch; `part` is a subresource such as `status` or `scale`."""
        path = self.path(api_version, kind, namespace, name) + (f"/{part}" if part else "")
        return self.request("PATCH", path, patch, content_type=MERGE)

    def delete(self, api_version: str, kind: str, name: str, namespace: str | None = None) -> None:
        """Deletes the object if it is there, its dependants in the background."""
        try:
            self.request(
                "DELETE",
                self.path(api_version, kind, namespace, name),
                {"apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": "Background"},
            )
        except ApiError as error:
            if error.status != http.HTTPStatus.NOT_FOUND:
                raise

    def path(self, api_version: str, kind: str, namespace: str | None = None, name: str | None = None) -> str:
        root = f"/api/{api_version}" if "/" not in api_version else f"/apis/{api_version}"
        plural, namespaced = self._resource(root, kind)
        if namespaced and namespace:
            root = f"{root}/namespaces/{namespace}"
        return f"{root}/{plural}" + (f"/{quote(name)}" if name else "")

    def text(self, path: str) -> str:
        """What a plain-text address answers: `/readyz`, `/metrics`, a pod's log."""
        return self._exchange("GET", path, None, "").decode()

    def lines(self, path: str) -> Iterator[str]:
        """What an address sends, line after line as it comes, until it ends: a watch."""
        connection = self._connect()
        try:
            connection.request("GET", path, headers=self._headers())
            response = connection.getresponse()
            if response.status >= http.HTTPStatus.BAD_REQUEST:
                raise ApiError(response.status, _message(response.read()))
            for line in response:
                yield line.decode()
        finally:
            connection.close()

    def request(
        self,
        method: str,
        path: str,
        body: Json | str | None = None,
        *,
        content_type: str = "application/json",
        query: Mapping[str, str] | None = None,
    ) -> Json:
        """The bare exchange; a body given as text is sent as it is (YAML is fine for apply)."""
        target = f"{path}?{urlencode(query)}" if query else path
        data = body if isinstance(body, str) or body is None else json.dumps(body)
        answer: Json = json.loads(self._exchange(method, target, data, content_type))
        return answer

    def _exchange(self, method: str, target: str, data: str | None, content_type: str) -> bytes:
        headers = self._headers() | ({"Content-Type": content_type} if data is not None else {})
        if method == "GET":
            status, content = self._read_again(target, headers)
        else:
            with contextlib.closing(self._connect()) as connection:
                status, content = _ask(connection, method, target, data, headers)
        if status >= http.HTTPStatus.BAD_REQUEST:
            raise ApiError(status, _message(content))
        return content

    def _read_again(self, target: str, headers: dict[str, str]) -> tuple[int, bytes]:
        """Ask by the connection that was kept, or by a new one if the server has closed it."""
        kept: _Kept | None = getattr(self._kept, "one", None)
        self._kept.one = None  # by one whose answer does not come nobody asks again
        if kept:
            try:
                answer = _ask(kept.connection, "GET", target, None, headers)
            except (ConnectionError, ssl.SSLError, http.client.HTTPException):
                kept = None
        if kept is None:
            kept = _Kept(self._connect())
            answer = _ask(kept.connection, "GET", target, None, headers)
        self._kept.one = kept
        return answer

    def _headers(self) -> dict[str, str]:
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        return headers | ({"Impersonate-User": self.user} if self.user else {})

    def _connect(self) -> http.client.HTTPConnection:
        address = urlsplit(self.server)
        host, port = address.hostname or "", address.port
        if address.scheme == "http":
            return http.client.HTTPConnection(host, port, timeout=60)
        context = ssl.create_default_context(cadata=self.authority)
        return http.client.HTTPSConnection(host, port, timeout=60, context=context)

    def _path_of(self, manifest: Json) -> str:
        metadata = manifest["metadata"]
        return self.path(manifest["apiVersion"], manifest["kind"], metadata.get("namespace"), metadata["name"])

    def _resource(self, root: str, kind: str) -> tuple[str, bool]:
        known = self._plurals.get(root, {})
        if kind not in known:
            resources = self.request("GET", root)["resources"]
            known = {item["kind"]: (item["name"], item["namespaced"]) for item in resources if "/" not in item["name"]}
            self._plurals[root] = known
        if kind not in known:
            raise ApiError(http.HTTPStatus.NOT_FOUND, f"the API server knows no {kind} at {root}")
        return known[kind]


def _ask(
    connection: http.client.HTTPConnection, method: str, target: str, data: str | None, headers: dict[str, str]
) -> tuple[int, bytes]:
    connection.request(method, target, data.encode() if data is not None else None, headers)
    response = connection.getresponse()
    return response.status, response.read()


def _message(content: bytes) -> str:
    try:
        return str(json.loads(content)["message"])
    except (ValueError, KeyError, TypeError):
        return content.decode(errors="replace").strip()
