"""The two ways labels come in: from whoever knows the truth, and from other pods. server.py mounts the handlers."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from hashlib import sha256
from http import HTTPStatus
from ipaddress import ip_address
from typing import Final

from aiohttp import web

from serinus.monitor.labels.handover import proven
from serinus.monitor.labels.intake import Intake
from serinus.monitor.labels.items import FORM, MOST_BYTES, MOST_ITEMS, NoItemsError, TooManyError, read_items, write
from serinus.monitor.labels.reading import BODY_SECONDS, BrokenOffError, BusyError, Room, TooLargeError
from serinus.monitor.receipts.keys import Keys
from serinus.monitor.receipts.tokens import BearerToken

HEADER_SUMMARY: Final = "x-serinus-summary"
"""On an answer: how many labels had which result, such as `counted=98 duplicate=2`."""

_NO_BEARER: Final = (
    'Send the token of this model\'s feedback: "Authorization: Bearer <token>". '
    "It stands in the Secret <name of the ModelDeployment>-feedback"
)
_NO_PROOF: Final = "Only pods of this namespace hand labels over, for this pod and just now: compare the clocks"
_TOO_MUCH: Final = (
    f"Send at most {MOST_ITEMS:,} labels and {MOST_BYTES // 2**20} MiB at once, and the rest in further requests"
)


_HEADERS: Final = (
    (HTTPStatus.UNAUTHORIZED, "WWW-Authenticate", "Bearer"),
    (HTTPStatus.TOO_MANY_REQUESTS, "Retry-After", "1"),
)


class OtherBodyError(Exception):
    """The body is not the one that was proven."""


_REFUSALS: Final = {
    OtherBodyError: (HTTPStatus.UNAUTHORIZED, _NO_PROOF),
    TooLargeError: (HTTPStatus.REQUEST_ENTITY_TOO_LARGE, _TOO_MUCH),
    TooManyError: (HTTPStatus.REQUEST_ENTITY_TOO_LARGE, _TOO_MUCH),
    BusyError: (HTTPStatus.TOO_MANY_REQUESTS, "Too many labels are under way: send them again in a second"),
    TimeoutError: (HTTPStatus.REQUEST_TIMEOUT, "The body took too long: send less at once"),
    BrokenOffError: (HTTPStatus.BAD_REQUEST, f"{FORM}. This body broke off"),
    NoItemsError: (HTTPStatus.BAD_REQUEST, FORM),
}


class Feedback:
    """The handlers of one pod. Without a token the feedback is public."""

    def __init__(
        self,
        intake: Intake,
        token: BearerToken | None,
        keys: Keys,
        address: str,
        *,
        room: Room | None = None,
        body_seconds: float = BODY_SECONDS,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._intake = intake
        self._token = token
        self._keys = keys
        self._address = str(ip_address(address))
        self._room = room or Room()
        self._room_for_pods = Room()  # of its own: two pods that wait for each other would refuse each other
        self._body_seconds = body_seconds
        self._clock = clock

    async def feedback(self, request: web.Request) -> web.Response:
        """POST PATH_FEEDBACK: labels of anyone who has the token."""
        if self._token and not self._token.admits(request.headers.get("Authorization", "")):
            return _refused(HTTPStatus.UNAUTHORIZED, _NO_BEARER)
        return await self._take(request, self._room, hand_on=True)

    async def labels(self, request: web.Request) -> web.Response:
        """POST PATH_LABELS: labels that another pod was given."""
        proof = request.headers.get("Authorization", "")
        expected = proven(proof, self._keys.token(), self._address, self._clock())
        if expected is None:
            return _refused(HTTPStatus.UNAUTHORIZED, _NO_PROOF)
        return await self._take(request, self._room_for_pods, hand_on=False, digest=expected)

    async def _take(self, request: web.Request, room: Room, *, hand_on: bool, digest: str = "") -> web.Response:
        try:
            with room.admit() as place:
                body = await place.read(request, MOST_BYTES, self._body_seconds)
                if digest and sha256(body).hexdigest() != digest:
                    raise OtherBodyError
                items = read_items(body)
                await asyncio.sleep(0)  # JSON of some MiB takes a slice of its own, here and below
                answers = await self._intake.take(items, hand_on=hand_on)
                await asyncio.sleep(0)
        except tuple(_REFUSALS) as error:
            status, text = _REFUSALS[type(error)]
            return _refused(status, str(error) or text)
        summary = Counter(answer.result for answer in answers)
        told = " ".join(f"{result}={number}" for result, number in sorted(summary.items()))
        return web.Response(body=write(answers), content_type="application/json", headers={HEADER_SUMMARY: told})


def _refused(status: HTTPStatus, text: str) -> web.Response:
    headers = {header: value for of, header, value in _HEADERS if of is status}
    return web.Response(status=status, text=f"{text}.\n", headers=headers)
