"""`python -m tests.cluster up|down|status`: what `make cluster` and `make cluster-down` run."""

import argparse
import sys

from tests.cluster import machine
from tests.cluster.bare import remove_orphans
from tests.cluster.instance import CHECKOUT, DEFAULT, Instance
from tests.cluster.local import LocalCluster
from tests.cluster.state import State


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.cluster", description="The local cluster of this checkout.")
    parser.add_argument("verb", choices=("up", "down", "status"))
    parser.add_argument("--instance", default=DEFAULT, help="another name is another cluster beside the usual one")
    chosen = parser.parse_args()
    if reason := machine.why_not():
        sys.stderr.write(f"{reason}\n")
        return 2
    cluster = LocalCluster(Instance(chosen.instance))
    if chosen.verb == "up":
        cluster.up()
    if chosen.verb == "down":
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
