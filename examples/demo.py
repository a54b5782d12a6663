"""`make demo`: from nothing to a real model that serves in a cluster, and a better version that takes over under load.

Everything it does is done by kubectl and helm, as one would by hand; it only shows what happens meanwhile.
"""

import argparse
import json
import os
import shutil
import sys
import time
from pathlib import Path
from typing import Any, Final

from examples.terminal import Following, Watching, say
from tests.cluster.backends import kubectl_program, run_kubectl
from tests.cluster.eventually import TimeIsUpError, eventually
from tests.cluster.images import model_image
from tests.cluster.install import (
    OWN_MODEL_IMAGE,
    Destination,
    Local,
    bring,
    destination,
    helm_program,
    install,
    state_of_operator,
)
from tests.cluster.instance import DEFAULT, Instance
from tests.cluster.parts import NotBuiltError
from tests.cluster.parts.progress import step

EXAMPLES: Final = Path(__file__).parent
MODEL: Final = EXAMPLES / "models/breast-cancer"
IMAGE: Final = "localhost/breast-cancer:1.0"
"""As the manifests beside this file name it."""
NAME: Final = "breast-cancer"
NAMESPACE: Final = "demo"
READY_SECONDS: Final = 180
"""The first pods on a node may have to wait for the image."""


class DemoError(Exception):
    """The demo did not show what it should; the message says what was seen."""


class Demo:
    """The demo in one cluster."""

    def __init__(self, cluster: Destination, image: str) -> None:
        self.cluster = cluster
        self.image = image

    def run(self) -> None:
        """Serve version 1, then let version 2 take over while clients ask all the time."""
        self._start_afresh()
        with Watching(self.cluster.kubeconfig, NAMESPACE, NAME):
            self._apply("breast-cancer-v1.yaml")
            self._wait_until_ready()
            step("a client in the cluster asks about patients that the model has not seen")
            self._ask("score")
            step("the client asks without a pause from now on")
            with self._client("ask", "--until-version=2") as client:
                client.wait_for_line()
                self._apply("breast-cancer-v2.yaml")
                client.wait()
            self._check_client()
            step("the same patients as before")
            self._ask("score")

    def _start_afresh(self) -> None:
        namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}
        self._kubectl("apply", "--server-side", "--filename=-", stdin=json.dumps(namespace))
        if self._kubectl("get", "mdep", NAME, "--ignore-not-found", "--output=name"):
            step("removing what an earlier demo left")
            self._kubectl("delete", "mdep", NAME, "--cascade=foreground")

    def _apply(self, file: str) -> None:
        step(f"kubectl apply --filename examples/{file}")
        self._kubectl("apply", "--filename=-", stdin=(EXAMPLES / file).read_text().replace(IMAGE, self.image))

    def _wait_until_ready(self) -> None:
        try:
            self._kubectl("wait", "mdep", NAME, "--for=condition=Ready", f"--timeout={READY_SECONDS}s")
        except RuntimeError as error:
            raise DemoError(
                f"{NAME} is not Ready after {READY_SECONDS} s\n{state_of_operator(self.cluster)}"
            ) from error

    def _ask(self, *arguments: str) -> None:
        with self._client(*arguments) as client:
            client.wait()
        self._check_client()

    def _client(self, *arguments: str) -> Following:
        """Start a pod that asks the model, and follow what it says."""
        self._kubectl("delete", "pod", "client", "--ignore-not-found", "--now")
        self._kubectl("apply", "--filename=-", stdin=json.dumps(_client_pod(self.image, arguments)))
        eventually(lambda: self._client_phase() != "Pending", READY_SECONDS, "the client's pod runs")
        return Following(self.cluster.kubeconfig, NAMESPACE, "client")

    def _check_client(self) -> None:
        phase = eventually(self._client_end, READY_SECONDS, "the client's pod ends")
        if phase != "Succeeded":
            raise DemoError("requests failed, see what the client said above")

    def _client_end(self) -> str | None:
        phase = self._client_phase()
        return None if phase == "Running" else phase

    def _client_phase(self) -> str:
        return self._kubectl("get", "pod", "client", "--output=jsonpath={.status.phase}")

    def _kubectl(self, *arguments: str, stdin: str | None = None) -> str:
        return run_kubectl(self.cluster.kubeconfig, [f"--namespace={NAMESPACE}", *arguments], stdin)


def _client_pod(image: str, arguments: tuple[str, ...]) -> dict[str, Any]:
    container = {
        "name": "client",
        "image": image,
        "command": ["python3", "client.py", *arguments],
        "env": [{"name": "OPENBLAS_NUM_THREADS", "value": "1"}],
        "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
    }
    spec = {
        "restartPolicy": "Never",
        "automountServiceAccountToken": False,
        "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
        "containers": [container],
    }
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "client"}, "spec": spec}


def _look_further(cluster: Destination) -> None:
    file = cluster.kubeconfig
    say("", "Look further:")
    say(f"  export KUBECONFIG={file.relative_to(Path.cwd()) if file.is_relative_to(Path.cwd()) else file}")
    for name, program in (("kubectl", kubectl_program), ("helm", helm_program)):
        if shutil.which(name) is None:
            say(f"  alias {name}={program()}")
    say(
        f"  kubectl --namespace {NAMESPACE} get mdep,mrel,pods",
        f"  kubectl --namespace {NAMESPACE} get mdep {NAME} --output wide",
        f"  kubectl --namespace {NAMESPACE} describe mdep {NAME}",
        f"  kubectl --namespace {NAMESPACE} apply --filename examples/autoscaled.yaml",
        "End it:",
    )
    if isinstance(cluster, Local):
        say("  make cluster-down")
    else:
        say(f"  kubectl delete namespace {NAMESPACE}", "  helm --namespace serinus-system uninstall serinus")


def _chosen_cluster(instance: Instance) -> Destination:
    if os.environ.get("USE_KUBECONFIG") == "1":
        return destination(os.environ.get("KUBECONFIG") or str(Path.home() / ".kube/config"), instance)
    return destination(None, instance)


def main() -> int:
    """Run the demo; the exit code says whether it showed what it should."""
    parser = argparse.ArgumentParser(prog="python -m examples.demo", description=__doc__)
    parser.add_argument("--instance", default=DEFAULT, help="which local cluster [%(default)s]")
    instance = Instance(parser.parse_args().instance)
    began = time.monotonic()
    try:
        cluster = _chosen_cluster(instance)
        install(cluster)
        image = os.environ.get(OWN_MODEL_IMAGE) or bring(cluster, IMAGE, lambda tag: model_image(MODEL, tag))
        Demo(cluster, image).run()
    except (DemoError, NotBuiltError, RuntimeError, TimeIsUpError) as problem:
        say(f"The demo failed: {problem}")
        return 1
    except KeyboardInterrupt:
        say("Interrupted.")
        return 130
    say("", f"Version 2 serves and no request failed. It took {time.monotonic() - began:.0f} s.")
    _look_further(cluster)
    return 0


if __name__ == "__main__":
    sys.exit(main())
