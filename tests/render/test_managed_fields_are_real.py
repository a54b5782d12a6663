"""That managed_fields.json, which the fast tests stand on, still is what a real API server answers."""

from tests.cluster.control_plane import ControlPlane
from tests.render.managed_fields import collect, kept


def test_the_server_says_what_it_said(control_plane: ControlPlane, namespace: str) -> None:
    answers = {(answer["to"], answer["what"]): answer["owned"] for answer in collect(control_plane.api, namespace)}
    for before in kept():
        assert answers[before["to"], before["what"]] == before["owned"], f"{before['to']}: {before['what']}"
