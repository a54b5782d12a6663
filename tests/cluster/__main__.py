"""`python -m tests.cluster up|down|status|install`: what `make cluster`, `cluster-down` and `install` run."""

import argparse
import sys

from tests.cluster import install, machine
from tests.cluster.bare import remove_orphans
from tests.cluster.eventually import TimeIsUpError
from tests.cluster.instance import CHECKOUT, DEFAULT, Instance
from tests.cluster.local import LocalCluster
from tests.cluster.parts import NotBuiltError
from tests.cluster.processes import ProcessEndedError
from tests.cluster.state import State


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.cluster", description="The local cluster of this checkout.")
    parser.add_argument("verb", choices=("up", "down", "status", "install"))
    parser.add_argument("--instance", default=DEFAULT, help="another name is another cluster beside the usual one")
    chosen = parser.parse_args()
    instance = Instance(chosen.instance)
    if chosen.verb == "install":
        return install.main(instance)
    if reason := machine.why_not():
        sys.stderr.write(f"{reason}\n")
        return 2
    cluster = LocalCluster(instance)
    try:
        return _obey(cluster, chosen.verb)
    except (NotBuiltError, ProcessEndedError, TimeIsUpError) as problem:
        sys.stderr.write(f"{problem}\n")
        return 1


def _obey(cluster: LocalCluster, verb: str) -> int:
    if verb == "up":
        cluster.up()
    if verb == "down":
        cluster.down()
        remove_orphans()
        return 0
    return show(cluster)


def show(cluster: LocalCluster) -> int:
    """Prints how the cluster is and how to reach it."""
    state = State.read(cluster.instance)
    ailment = cluster.ailment(state)
    if ailment is not None or state is None:
        sys.stdout.write(f"cluster {cluster.instance.name}: {ailment}\n")
        return 1
    kubeconfig = cluster.instance.kubeconfig.relative_to(CHECKOUT)
    sys.stdout.write(
        f"cluster {cluster.instance.name}: up, {len(state.processes)} processes, logs in "
        f"{cluster.instance.logs.relative_to(CHECKOUT)}\n"
        f"  kubectl --kubeconfig {kubeconfig} get nodes\n"
        f"  gateway: http://127.0.0.1:{state.gateway_port}\n"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
