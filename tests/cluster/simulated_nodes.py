"""Nodes and running pods for a bare control plane, without a kubelet: binds every pod and writes its status.

    with SimulatedNodes(plane, count=3) as nodes:
        nodes.decide(crash_loop(exit_code=2), image="broken:1")

Works in a thread of its own; hundreds of pods a second.
"""

import asyncio
import ipaddress
import json
import ssl
import threading
from collections.abc import AsyncIterator, Mapping
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any, Final, Self

import aiohttp

from tests.cluster.api import MERGE, Json
from tests.cluster.control_plane import ADMIN, ControlPlane
from tests.cluster.simulated_pods import READY, Behaviour, pod_status

WRITERS: Final = 32
POD_ADDRESSES: Final = ipaddress.ip_network("198.19.0.0/16")
CAPACITY: Final = {"cpu": "1000", "memory": "4000Gi", "pods": "10000", "ephemeral-storage": "4000Gi"}
RETRY_SECONDS: Final = 0.2
LONGEST_EVENT: Final = 4 * 1024 * 1024
GONE: Final = (HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT)


@dataclass
class _Pod:
    """What is kept of a pod, and what was last written about it."""

    path: str
    uid: str
    spec: Json
    deleting: bool
    address: str
    node: str
    written: dict[str, Behaviour] | None = None
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def key(self) -> str:
        _, _, namespace, _, name = self.path.rsplit("/", 4)
        return f"{namespace}/{name}"


class SimulatedNodes:
    """A context manager; `decide` may be called before, inside, and from any thread."""

    def __init__(self, plane: ControlPlane, count: int = 2) -> None:
        self._server = plane.place.server
        self._headers = {"Authorization": f"Bearer {plane.token_of(ADMIN)}"}
        self._trust = ssl.create_default_context(cafile=plane.authority)
        self._nodes = [f"simulated-{number}" for number in range(1, count + 1)]
        self._decisions: dict[tuple[str, str], Behaviour] = {}
        self._pods: dict[str, _Pod] = {}
        self._addresses = POD_ADDRESSES.hosts()
        self._loop: asyncio.AbstractEventLoop
        self._stop: asyncio.Event
        self._due: asyncio.Queue[str]
        self._started: Future[None] = Future()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), name="simulated nodes", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        self._started.result(timeout=30)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(timeout=30)

    def decide(self, behaviour: Behaviour, *, image: str = "", pod: str = "") -> None:
        """From now on containers of this image, or every container of this pod (`namespace/name`), behave so."""
        self._decisions[("pod", pod) if pod else ("image", image)] = behaviour
        self._look_again()

    def forget_decisions(self) -> None:
        """All containers are ready again."""
        self._decisions.clear()
        self._look_again()

    def _look_again(self) -> None:
        if self._started.done():
            self._loop.call_soon_threadsafe(self._all_due)

    def _all_due(self) -> None:
        for uid in self._pods:
            self._due.put_nowait(uid)

    async def _run(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stop, self._due = asyncio.Event(), asyncio.Queue()
        connector = aiohttp.TCPConnector(limit=WRITERS + 2, ssl=self._trust)
        async with aiohttp.ClientSession(
            self._server, headers=self._headers, connector=connector, read_bufsize=LONGEST_EVENT
        ) as session:
            try:
                await self._create_nodes(session)
            except Exception as error:  # noqa: BLE001 -- it is raised in the thread that waits
                self._started.set_exception(error)
                return
            self._started.set_result(None)
            tasks = [asyncio.create_task(self._write(session)) for _ in range(WRITERS)]
            tasks.append(asyncio.create_task(self._follow(session)))
            await self._stop.wait()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            with suppress(aiohttp.ClientError):
                for node in self._nodes:
                    await _send(session, "DELETE", f"/api/v1/nodes/{node}")

    async def _create_nodes(self, session: aiohttp.ClientSession) -> None:
        for number, name in enumerate(self._nodes, start=1):
            labels = {"kubernetes.io/hostname": name, "kubernetes.io/os": "linux"}
            node = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": name, "labels": labels}}
            await _send(session, "POST", "/api/v1/nodes", node)
            status = {
                "capacity": CAPACITY,
                "allocatable": CAPACITY,
                "addresses": [{"type": "InternalIP", "address": f"198.18.255.{number}"}],
                "conditions": [
                    {"type": "Ready", "status": "True", "reason": "Simulated", "lastTransitionTime": _now()}
                ],
            }
            await _send(session, "PATCH", f"/api/v1/nodes/{name}/status", {"status": status})

    async def _follow(self, session: aiohttp.ClientSession) -> None:
        """Lists the pods and watches them, for as long as it takes the API server to come back if it goes."""
        while True:
            with suppress(aiohttp.ClientError, TimeoutError, _ListAgainError):
                listed = await _send(session, "GET", "/api/v1/pods")
                found = {item["metadata"]["uid"] for item in listed["items"]}
                self._pods = {uid: pod for uid, pod in self._pods.items() if uid in found}
                for item in listed["items"]:
                    self._saw(item)
                async for event in _events(session, listed["metadata"]["resourceVersion"]):
                    if event["type"] == "DELETED":
                        self._pods.pop(event["object"]["metadata"]["uid"], None)
                    elif event["type"] in ("ADDED", "MODIFIED"):
                        self._saw(event["object"])
            await asyncio.sleep(RETRY_SECONDS)

    def _saw(self, item: Json) -> None:
        metadata = item["metadata"]
        uid = metadata["uid"]
        node = item["spec"].get("nodeName", "")
        if node and node not in self._nodes:
            return
        pod = self._pods.get(uid)
        if pod is None:
            path = f"/api/v1/namespaces/{metadata['namespace']}/pods/{metadata['name']}"
            address = item["status"].get("podIP") or self._next_address()
            spec = {kind: item["spec"].get(kind, []) for kind in ("containers", "initContainers")}
            pod = self._pods[uid] = _Pod(path, uid, spec, deleting=False, address=address, node=node)
            self._due.put_nowait(uid)
        if "deletionTimestamp" in metadata and not pod.deleting:
            pod.deleting = True
            self._due.put_nowait(uid)

    def _next_address(self) -> str:
        try:
            return str(next(self._addresses))
        except StopIteration:
            self._addresses = POD_ADDRESSES.hosts()
            return str(next(self._addresses))

    async def _write(self, session: aiohttp.ClientSession) -> None:
        while True:
            uid = await self._due.get()
            pod = self._pods.get(uid)
            if pod is None:
                continue
            try:
                async with pod.turn:
                    await self._write_pod(session, pod)
            except aiohttp.ClientResponseError as error:
                if error.status not in GONE:
                    self._loop.call_later(RETRY_SECONDS, self._due.put_nowait, uid)
            except (aiohttp.ClientError, TimeoutError):
                self._loop.call_later(RETRY_SECONDS, self._due.put_nowait, uid)

    async def _write_pod(self, session: aiohttp.ClientSession, pod: _Pod) -> None:
        if pod.deleting:
            await _send(session, "DELETE", pod.path, {"gracePeriodSeconds": 0, "preconditions": {"uid": pod.uid}})
            return
        if not pod.node:
            node = self._nodes[hash(pod.uid) % len(self._nodes)]
            target = {"apiVersion": "v1", "kind": "Node", "name": node}
            metadata = {"name": pod.path.rpartition("/")[2], "uid": pod.uid}
            binding = {"apiVersion": "v1", "kind": "Binding", "metadata": metadata, "target": target}
            await _send(session, "POST", f"{pod.path}/binding", binding)
            pod.node = node
        behaviours = self._behaviours(pod)
        if behaviours != pod.written:
            node_address = f"198.18.255.{self._nodes.index(pod.node) + 1}"
            status = pod_status(pod.spec, behaviours, pod.address, node_address, _now())
            await _send(session, "PATCH", f"{pod.path}/status", {"status": status})
            pod.written = behaviours

    def _behaviours(self, pod: _Pod) -> dict[str, Behaviour]:
        for_pod = self._decisions.get(("pod", pod.key))
        return {
            container["name"]: for_pod or self._decisions.get(("image", container["image"]), READY)
            for container in pod.spec["containers"]
        }


class _ListAgainError(Exception):
    """The watch cannot go on from where it was."""


async def _events(session: aiohttp.ClientSession, version: str) -> AsyncIterator[Json]:
    query = {"watch": "true", "resourceVersion": version}
    async with session.get("/api/v1/pods", params=query, timeout=aiohttp.ClientTimeout(total=None)) as response:
        response.raise_for_status()
        async for line in response.content:
            event: Json = json.loads(line)
            if event["type"] == "ERROR":
                raise _ListAgainError
            yield event


async def _send(session: aiohttp.ClientSession, method: str, path: str, body: Mapping[str, Any] | None = None) -> Json:
    headers = {"Content-Type": MERGE if method == "PATCH" else "application/json"} if body else {}
    data = json.dumps(body) if body else None
    async with session.request(method, path, data=data, headers=headers) as response:
        response.raise_for_status()
        answer: Json = await response.json()
        return answer


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
