"""Pods of one model on loopback, each with an address of its own and the real handlers."""

import io
import json
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web

from serinus.api.sidecars import PATH_FEEDBACK, PATH_LABELS
from serinus.monitor.labels.feedback import HEADER_SUMMARY, Feedback
from serinus.monitor.labels.handover import Neighbours
from serinus.monitor.labels.intake import Intake
from serinus.monitor.labels.judge import Judge
from serinus.monitor.labels.labels import Labels
from serinus.monitor.labels.reading import Room
from serinus.monitor.labels.seen import Seen
from serinus.monitor.receipts.keys import Keys
from serinus.monitor.receipts.receipts import Signer
from serinus.monitor.receipts.tokens import BearerToken
from tests.monitor.books import Book, Rule
from tests.monitor.keyring import keys_in

TOKEN = "feedback-token"  # noqa: S105 - of tests


@dataclass
class Pod:
    """One pod: what it signs, counts and answers."""

    address: str
    signer: Signer
    intake: Intake
    url: str
    session: aiohttp.ClientSession
    book: Book = field(default_factory=Book)

    def receipts(self, number: int, stamp: str = "", prediction: str = "1") -> list[str]:
        return [self.signer.sign(stamp, int(time.time()), prediction)[1] for _ in range(number)]

    async def post(self, body: Any, token: str = TOKEN, path: str = PATH_FEEDBACK, **options: Any) -> "Reply":  # noqa: ANN401 - JSON
        sent = io.BytesIO(body if isinstance(body, bytes) else json.dumps(body).encode())
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        headers |= options.pop("headers", {})
        async with self.session.post(self.url + path, data=sent, headers=headers, **options) as response:
            text = await response.text()
            answers = json.loads(text) if response.content_type == "application/json" else None
            return Reply(response.status, text, answers, response.headers.get(HEADER_SUMMARY, ""))


@dataclass(frozen=True)
class Reply:
    status: int
    text: str
    answers: Any
    summary: str

    @property
    def results(self) -> list[str]:
        return [answer["result"] for answer in self.answers]


@dataclass
class Town:
    """Starts pods that find each other, as those of one namespace do."""

    keys: Keys
    token: BearerToken | None
    session: aiohttp.ClientSession
    port: int = 0
    runners: list[web.AppRunner] = field(default_factory=list)

    async def pod(self, address: str, rule: Rule | None = None, *, room: Room | None = None) -> Pod:
        boot = time.time_ns() // 1_000_000
        listener = socket.create_server((address, self.port))
        self.port = listener.getsockname()[1]
        book, seen = Book(), Seen(began=boot / 1000 - 1)
        seen.issued(boot, 1)
        labels = Labels(book, Judge("Binary"), seen, rule or Rule())
        neighbours = Neighbours(self.session, self.keys, port=self.port)
        intake = Intake(address, self.keys, book, labels, neighbours)
        feedback = Feedback(intake, self.token, self.keys, address, room=room, body_seconds=0.5)
        app = web.Application()
        app.router.add_post(PATH_FEEDBACK, feedback.feedback)
        app.router.add_post(PATH_LABELS, feedback.labels)
        runner = web.AppRunner(app)
        self.runners.append(runner)
        await runner.setup()
        await web.SockSite(runner, listener).start()
        signer = Signer(self.keys, address, "0011223344", boot)
        return Pod(address, signer, intake, f"http://{address}:{self.port}", self.session, book)

    async def close(self) -> None:
        for runner in self.runners:
            await runner.cleanup()


@asynccontextmanager
async def town(folder: Path, *, public: bool = False) -> AsyncIterator[Town]:
    """Yield a town whose pods know the same keys and the same token."""
    file = folder / "feedback-token"
    file.write_text(TOKEN)
    async with aiohttp.ClientSession() as session:
        pods = Town(keys_in(folder / "keys"), None if public else BearerToken(file), session)
        try:
            yield pods
        finally:
            await pods.close()
