"""What the columns of training data are: features, target, score, prediction. Pure; called by profile.py."""

import re
from argparse import Namespace
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from serinus.cli.failure import Failure
from serinus.monitor.profiles.features import first_repeated
from serinus.monitor.profiles.profile import LONGEST_NAME, MOST_FEATURES

INDEX: Final = r"__index_level_\d+__"
"""What pandas calls the rows of a frame; no model is given it."""


@dataclass(frozen=True)
class Roles:
    """What the columns of a file are."""

    features: tuple[str, ...]
    target: str | None = None
    positive: str | None = None
    score: str | None = None
    prediction: str | None = None
    codes: tuple[str, ...] = ()
    """Columns whose values are texts, whatever they look like."""

    def columns(self) -> tuple[str, ...]:
        """Return the columns that have a role, each once."""
        return tuple(dict.fromkeys((*self.features, *self.others())))

    def others(self) -> tuple[str, ...]:
        """Return the columns that are no features, unless they are named as such."""
        return tuple(name for name in (self.target, self.score, self.prediction) if name is not None)


def roles_of(columns: Sequence[str], arguments: Namespace) -> Roles:
    """Return what the arguments say; the features are all other columns, where none are named."""
    if (name := first_repeated(columns)) is not None:
        raise Failure(f'two columns are called "{name}": give one another name')
    given = Roles((), arguments.target, arguments.positive, arguments.score, arguments.prediction)
    named = (*given.others(), *arguments.features, *arguments.exclude, *arguments.category)
    if unknown := [name for name in named if name not in columns]:
        raise Failure(f"no column is called {unknown[0]}: there are {', '.join(columns)}")
    if given.score is not None and given.target is None:
        raise Failure("--score tells how right it is only beside the truth: name its column by --target")
    without = {*given.others(), *arguments.exclude}
    rest = [name for name in columns if name not in without and not re.fullmatch(INDEX, name)]
    features = tuple(dict.fromkeys(arguments.features)) or tuple(rest)
    _require_usable(features)
    roles = replace(given, features=features)
    return replace(roles, codes=tuple(name for name in roles.columns() if name in arguments.category))


def _require_usable(features: Sequence[str]) -> None:
    if not features:
        raise Failure("no column is left to be a feature")
    if len(features) > MOST_FEATURES:
        raise Failure(
            f"there are {len(features)} features, and a profile has {MOST_FEATURES}: name those by --features"
        )
    for name in features:
        if not name:
            raise Failure('a column has no name: leave it out by --exclude "" (pandas writes its index so)')
        if len(name) > LONGEST_NAME:
            raise Failure(f"the name of a column has more than {LONGEST_NAME} characters: {name[:40]}...")
