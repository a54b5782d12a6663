"""Everything the local cluster is made of, built from package registries alone and cached outside the tree.

The cluster asks for a part with `ensure`; `python -m tests.cluster.parts` makes them all.
"""

from collections.abc import Sequence
from pathlib import Path

from tests.cluster.parts.cache import NotBuiltError
from tests.cluster.parts.progress import step
from tests.cluster.parts.table import PARTS, Part

__all__ = ["PARTS", "NotBuiltError", "Part", "build_all", "ensure"]


def ensure(name: str) -> Path:
    """Return the path of a part, a program or a folder, after making it if need be."""
    [path] = build_all([name])
    return path


def build_all(names: Sequence[str] = ()) -> list[Path]:
    """Return the paths of the named parts, or of all, in the order of the table, after making what is not there yet."""
    if unknown := set(names) - {part.name for part in PARTS}:
        raise ValueError(f"no such part: {', '.join(sorted(unknown))}; there are {', '.join(p.name for p in PARTS)}")
    wanted = [part for part in PARTS if part.name in names or not names]
    missing = [part.name for part in wanted if not part.cached]
    if len(missing) > 1:
        step(f"{len(missing)} of {len(wanted)} parts are to be built: {', '.join(missing)}")
    return [part.ensure() for part in wanted]
