"""Kinds that come while the operator runs: it watches them, however slow the API server is to list them."""

import threading

import pytest
from aiohttp import web

from tests.cluster.eventually import eventually
from tests.e2e import gateways
from tests.e2e.gateways import TRAFFIC, Parent, route_of
from tests.e2e.models import SECONDS, Model, spec
from tests.faults.proxy import Exchange
from tests.faults.rig import new_rig

pytestmark = pytest.mark.control_plane


def test_a_kind_that_the_server_is_slow_to_list_is_watched_all_the_same() -> None:
    listed = threading.Event()

    async def unlisted(exchange: Exchange) -> web.StreamResponse:
        path, _ = exchange.address
        if "gateway.networking" in path and not listed.is_set():
            return web.Response(status=404)
        return await exchange.forward()

    with new_rig() as rig:
        rig.proxy.fault = lambda request: None if request.plural else unlisted
        gateways.install(rig.plane.api)
        model = Model.in_new_namespace(rig.plane.api)
        revision = model.apply(spec(traffic=TRAFFIC))
        eventually(lambda: route_of(model), SECONDS, "the route is written")
        listed.set()
        with Parent(model):
            model.settles(revision)
