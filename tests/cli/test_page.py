"""What `kubectl serinus status` shows."""

from serinus.api.names import LABEL_REVISION
from serinus.cli.command import Document
from serinus.cli.status import page
from tests.cli.models import CANARY, STABLE, TRYING, model

PAGE = """\
ModelDeployment risk/fraud
  Ready        False  CanaryInProgress
               revision 9c7e1f20ab (version 8) holds 25 % of the traffic at step 2 of 3, for 300 s at least
  Address      http://fraud.risk.svc
  Canary       revision 9c7e1f20ab (version 8): step 2 of 3, 25 % of the traffic asked for, 33 % in force, \
1 of 2 pods ready
  Command      pause 9c7e1f20ab by Ada Lovelace
               refused: it is paused already

REVISION    VERSION         ROLE    RESULT      PROMOTED              PODS
9c7e1f20ab  2026-11-25-rc1  canary  Running     never                 1 of 2 ready
4d18ac5c37  7               stable  Promoted    2026-11-24T09:00:00Z  1 of 1 ready
00c0ffee00  6               -       RolledBack  never                 none
11c0ffee11  -               -       -           never                 none"""

CONDITION = {
    "type": "Ready",
    "status": "False",
    "reason": "CanaryInProgress",
    "message": "revision 9c7e1f20ab (version 8) holds 25 % of the traffic at step 2 of 3, for 300 s at least",
}
PROGRESS = {"step": 2, "steps": 3, "weight": 25, "weightInForce": 33, "replicas": 2, "readyReplicas": 1}
STATUS = TRYING | {
    "conditions": [CONDITION],
    "url": "http://fraud.risk.svc",
    "canary": {"revision": CANARY, "version": "8"} | PROGRESS,
    "lastCommand": {
        "verb": "pause",
        "revision": CANARY,
        "nonce": "0f3c",
        "by": "Ada Lovelace",
        "result": "refused: it is paused already",
    },
}


def release(revision: str, day: int, version: str | None = None, **status: str) -> Document:
    spec = {"revision": revision} | ({"version": version} if version else {})
    return {"metadata": {"creationTimestamp": f"2026-11-{day}T09:00:00Z"}, "spec": spec, "status": status}


def pod(revision: str, ready: str) -> Document:
    conditions = [{"type": "Initialized", "status": "True"}, {"type": "Ready", "status": ready}]
    return {"metadata": {"labels": {LABEL_REVISION: revision}}, "status": {"conditions": conditions}}


RELEASES = [
    release("11c0ffee11", 10),
    release(STABLE, 24, "7", result="Promoted", promotedAt="2026-11-24T09:00:00Z"),
    release(CANARY, 25, "2026-11-25-rc1", result="Running"),
    release("00c0ffee00", 20, "6", result="RolledBack"),
]
PODS = [pod(STABLE, "True"), pod(CANARY, "False"), pod(CANARY, "True")]


def test_everything_stands_on_one_page() -> None:
    assert page(model(STATUS), RELEASES, PODS) == PAGE


def test_a_command_by_nobody_and_a_canary_without_steps() -> None:
    anonymous = {name: value for name, value in STATUS["lastCommand"].items() if name != "by"}
    canary = {name: value for name, value in STATUS["canary"].items() if name not in ("step", "steps", "version")}
    lines = page(model(STATUS | {"lastCommand": anonymous, "canary": canary}), [], []).splitlines()
    assert "  Command      pause 9c7e1f20ab" in lines
    assert any(line.startswith("  Canary       revision 9c7e1f20ab: 25 % of the traffic asked for") for line in lines)


def test_where_nothing_happens_nothing_is_said() -> None:
    text = page(model({"observedGeneration": 2}), [], [])
    assert "Canary" not in text
    assert "Command" not in text


def test_what_is_known_of_an_older_spec_is_not_shown_as_the_state() -> None:
    text = page(model(STATUS | {"observedGeneration": 1}), RELEASES, PODS)
    assert "not seen by the operator yet" in text
    assert "CanaryInProgress" not in text
