"""The objects as last seen, by watch or in the reply to a write, and whose they are. Filled by edge and writers."""

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import replace
from typing import Final, TypeVar

from serinus.api import modeldeployment
from serinus.cluster.objects import Identity, Key, Seen, SeenChild, SeenModelDeployment, SeenPod, SeenRelease

TOMBSTONES: Final = 4096
"""Deletions to remember: a reply that was under way when its object went must not bring it back."""

SeenT = TypeVar("SeenT", bound=Seen)


class Cache:
    """One consistent memory of the cluster. An older sight of an object never replaces a newer one."""

    def __init__(self) -> None:
        self._objects: dict[Identity, Seen] = {}
        self._members: dict[Key, set[Identity]] = {}
        self._tombstones: OrderedDict[str, int] = OrderedDict()
        self._unreadable: OrderedDict[str, int] = OrderedDict()

    def put(self, item: Seen) -> bool:
        """Remember an object; return whether that was news."""
        known = self._objects.get(item.identity)
        if item.version <= max(self._tombstones.get(item.uid, -1), known.version if known else -1):
            return False
        if known:
            self._forget(known)
        self._objects[item.identity] = item
        self._members.setdefault(item.key, set()).add(item.identity)
        return True

    def remove(self, last: Seen) -> bool:
        """Forget an object, given its last sight; return whether it was known.

        It may come back: a watch by label also says so of an object that merely lost the label.
        """
        self._tombstones[last.uid] = max(last.version, self._tombstones.get(last.uid, -1))
        if len(self._tombstones) > TOMBSTONES:
            self._tombstones.popitem(last=False)
        known = self._objects.get(last.identity)
        if known is None or known.uid != last.uid or known.version > last.version:
            return False
        self._forget(known)
        return True

    def pass_over(self, uid: str, version: int) -> None:
        """Note that an object was seen of which nothing can be kept: nobody need wait for it."""
        self._unreadable[uid] = version
        if len(self._unreadable) > TOMBSTONES:
            self._unreadable.popitem(last=False)

    def has_seen(self, identity: Identity, uid: str, version: int) -> bool:
        """Return whether an object was seen as it is at this version, or later, or seen to go."""
        known = self._objects.get(identity)
        versions = (known.version if known else -1, self._unreadable.get(uid, -1), self._tombstones.get(uid, -1))
        return max(versions) >= version

    def mark_deleting(self, item: Seen) -> None:
        """Note that we deleted an object; the watch will say when it is gone."""
        if self._objects.get(item.identity) is item:
            self._objects[item.identity] = replace(item, deleting=True)

    def find(self, identity: Identity) -> Seen | None:
        """Return the object at an address, whoever's it is."""
        return self._objects.get(identity)

    def model(self, key: Key) -> SeenModelDeployment | None:
        """Return a ModelDeployment."""
        found = self._objects.get(Identity(modeldeployment.KIND, *key))
        return found if isinstance(found, SeenModelDeployment) else None

    def children(self, key: Key) -> list[SeenChild]:
        """Return what is labelled as belonging to a ModelDeployment, in a fixed order."""
        return self._of(key, SeenChild)

    def pods(self, key: Key) -> list[SeenPod]:
        """Return the pods of a ModelDeployment, in a fixed order."""
        return self._of(key, SeenPod)

    def releases(self, key: Key) -> list[SeenRelease]:
        """Return the releases of a ModelDeployment, oldest first."""
        return sorted(self._of(key, SeenRelease), key=lambda release: (release.created, release.identity.name))

    def of_kind(self, kind: str) -> Iterable[Seen]:
        """Return all objects of a kind."""
        return [item for identity, item in self._objects.items() if identity.kind == kind]

    def __len__(self) -> int:
        return len(self._objects)

    def _of(self, key: Key, kind: type[SeenT]) -> list[SeenT]:
        items = (self._objects[identity] for identity in sorted(self._members.get(key, ())))
        return [item for item in items if isinstance(item, kind)]

    def _forget(self, item: Seen) -> None:
        del self._objects[item.identity]
        members = self._members[item.key]
        members.discard(item.identity)
        if not members:
            del self._members[item.key]
