"""Clearing a local cluster away: processes, containers, namespaces, control groups and files, whoever left them."""

import contextlib
import shutil
from collections.abc import Collection
from pathlib import Path

from tests.cluster import kernel, network
from tests.cluster.eventually import NotYetError, eventually
from tests.cluster.instance import Instance
from tests.cluster.machine import HIERARCHIES
from tests.cluster.processes import Process, find_in_cgroups, find_marked, kill_all


def clear(instance: Instance) -> None:
    """Leaves nothing of the cluster but its logs. Right after a crash too: nothing here relies on state.json alone."""
    containers = containers_of(instance)
    kill_all(lambda: find_marked(instance.mark) + find_in_cgroups(containers))
    network.remove(*network.node_networks(instance.mark))
    eventually(lambda: _control_groups_removed(containers), 10, "the control groups of the containers are removed")
    for folder in (instance.run, instance.data):
        _remove_folder(folder)
    kernel.restore()
    instance.state_file.unlink(missing_ok=True)
    instance.kubeconfig.unlink(missing_ok=True)


def remains(instance: Instance) -> list[Process]:
    """Every process of the cluster: what was started with its mark, and what runs in its containers."""
    return find_marked(instance.mark) + find_in_cgroups(containers_of(instance))


def containers_of(instance: Instance) -> set[str]:
    """The ids of the cluster's containers, by which the control groups of their processes are named.

    containerd's run folder tells them even when containerd and its shims were killed.
    """
    return {task.name for task in instance.run.glob("*/run/io.containerd.runtime.v2.task/k8s.io/*")}


def _control_groups_removed(containers: Collection[str]) -> bool:
    for parent in (*HIERARCHIES.glob("k8s.io"), *HIERARCHIES.glob("*/k8s.io")):
        for group in [parent / container for container in containers]:
            # A container may have made groups inside its own.
            for child in sorted((path for path in group.glob("**/") if path.is_dir()), reverse=True):
                _remove_group(child)
        with contextlib.suppress(OSError):  # another cluster may have containers too
            parent.rmdir()
    return True


def _remove_group(group: Path) -> None:
    try:
        group.rmdir()
    except FileNotFoundError:
        return
    except OSError as error:  # the kernel empties a group a moment after its last process is gone
        raise NotYetError(error) from error


def _remove_folder(folder: Path) -> None:
    mounted = [line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()]
    if inside := [place for place in mounted if Path(place).is_relative_to(folder)]:
        raise RuntimeError(f"{', '.join(inside)} is still mounted: unmount it, then try again")
    shutil.rmtree(folder, ignore_errors=not folder.exists())
