"""One request for a prediction through the middleware: passed on as it comes, told as an exchange when it is over."""

import asyncio
import time
from collections import deque
from http import HTTPStatus
from typing import Final

import msgspec

from serinus.api.sidecars import HEADER_RECEIPT, HEADER_SPLIT
from serinus.monitor.exchange import Exchange, Outcome
from serinus.monitor.middleware.connection import App, Message, Receive, Scope, Send, header_of, path_of
from serinus.monitor.middleware.kept import Kept, KeptStream
from serinus.monitor.middleware.watch import Watch
from serinus.monitor.records.record import LONGEST_PATH, LONGEST_STAMP

RECEIPT: Final = HEADER_RECEIPT.encode()
STAMP: Final = HEADER_SPLIT.encode()
STREAM: Final = b"text/event-stream"
PIECES: Final = frozenset({"http.response.body", "http.response.pathsend", "http.response.zerocopysend"})
"""Some servers send files themselves: then there is no body to be kept."""
REFUSAL: Final = "the request breaks the data contract of the model"


class Call:
    """A request and its answer."""

    def __init__(self, watch: Watch, scope: Scope, receive: Receive, send: Send) -> None:
        self._watch = watch
        self._scope = scope
        self._receive = receive
        self._send = send
        self._request, self._answer = Kept(), Kept()
        self._ahead: deque[Message] = deque()
        """What was received before the application asked for it."""
        self._head: Message | None = None
        """That of the answer, as long as the prediction is about to come."""
        self._stamp = stamp_of(scope)
        self._at = time.time()
        self._asked = time.perf_counter()
        self._status = 0
        self._sequence = 0
        self._left = False
        """The client is gone."""
        self._counted = False

    async def answered_by(self, app: App) -> None:
        """Have the application answer, and count what came of it."""
        try:
            if not await self._refused():
                await app(self._scope, self._received, self._sent)
        except asyncio.CancelledError:
            self._left = True
            raise
        except Exception:
            self._status = self._status or HTTPStatus.INTERNAL_SERVER_ERROR
            raise
        finally:
            self._count()

    async def _received(self) -> Message:
        return self._ahead.popleft() if self._ahead else await self._heard()

    async def _heard(self) -> Message:
        message = await self._receive()
        if message["type"] == "http.request":
            self._request.add(message.get("body", b""), more=message.get("more_body", False))
            self._asked = time.perf_counter()  # until here the client took its time
        elif message["type"] == "http.disconnect" and not self._answer.ended:  # after that it is said of all
            self._left = True
        return message

    async def _refused(self) -> bool:
        """Answer a request that breaks the contract, if that is asked for; one that is too large to be read passes."""
        if not self._watch.refuses:
            return False
        while self._request.fits and not (self._request.ended or self._left):
            self._ahead.append(await self._heard())
        body = self._request.body
        broken = self._watch.violations(body) if body is not None else []
        if not broken:
            return False
        told = msgspec.json.encode({"error": REFUSAL, "violations": broken})
        head = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(told))]
        await self._sent({"type": "http.response.start", "status": HTTPStatus.UNPROCESSABLE_ENTITY, "headers": head})
        await self._sent({"type": "http.response.body", "body": told})
        return True

    async def _sent(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            await self._begin(message)
            return
        if message["type"] in PIECES:
            self._answer.add(message.get("body", b""), more=message.get("more_body", False))
        if self._head:
            head, self._head = self._head, None
            await self._pass(self._signed(head))
        await self._pass(message)
        if self._answer.ended:
            self._count()

    async def _begin(self, head: Message) -> None:
        """Pass the head of the answer, or keep it until the prediction comes that its receipt is to hold."""
        headers = [(name, value) for name, value in head.get("headers", ()) if name.lower() != RECEIPT]
        head = {**head, "headers": headers}
        self._status = head["status"]
        length = header_of(headers, b"content-length")
        is_stream = header_of(headers, b"content-type").startswith(STREAM)
        self._answer = KeptStream() if is_stream else Kept(int(length) if length.isdigit() else None)
        if not HTTPStatus.OK <= self._status < HTTPStatus.MULTIPLE_CHOICES:
            await self._pass(head)
        elif is_stream or not length:
            await self._pass(self._signed(head))
        else:
            self._head = head

    def _signed(self, head: Message) -> Message:
        self._sequence, receipt = self._watch.sign(self._stamp, self._at, self._request.body, self._answer.body)
        return {**head, "headers": [*head["headers"], (RECEIPT, receipt.encode())]} if receipt else head

    async def _pass(self, message: Message) -> None:
        try:
            await self._send(message)
        except OSError:  # so servers say it since ASGI 2.4
            self._left = True
            raise

    def _count(self) -> None:
        """Count once: as soon as the answer is out, whatever the application does after it."""
        if self._counted:
            return
        self._counted = True
        exchange = Exchange(
            self._watch.boot,
            self._sequence,
            self._stamp,
            self._at,
            time.perf_counter() - self._asked,
            self._scope["method"],
            path_of(self._scope)[:LONGEST_PATH],
            self._status,
            self._outcome(),
            self._request.body,
            self._request.size,
            self._answer.body,
            self._answer.size,
        )
        self._watch.count(exchange)

    def _outcome(self) -> Outcome:
        if self._left:  # what the application sends then, often an error, reaches nobody
            return Outcome.ABORTED
        if self._status >= HTTPStatus.INTERNAL_SERVER_ERROR or not self._answer.ended:
            return Outcome.SERVER_ERROR
        return Outcome.CLIENT_ERROR if self._status >= HTTPStatus.BAD_REQUEST else Outcome.ANSWERED


def stamp_of(scope: Scope) -> str:
    """Return the stamp of a request, empty where no rule has stamped it."""
    return header_of(scope["headers"], STAMP).decode("latin-1")[:LONGEST_STAMP]
