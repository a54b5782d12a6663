"""What training data holds, block by block: a first time to choose bins, a second to count. Called by profile.py."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import pyarrow as pa

from serinus.cli.profiling.columns import CategoryColumn, Column
from serinus.cli.profiling.columntypes import Kind, class_names, column_of, reader_of
from serinus.cli.profiling.roles import Roles
from serinus.cli.profiling.sample import SIZE, Sample
from serinus.cli.profiling.scorecard import Scorecard
from serinus.cli.profiling.targets import TargetColumn
from serinus.monitor.profiles.profile import Profile


@dataclass(frozen=True)
class Reading:
    """A column that becomes a feature, and how it is read from a block."""

    name: str
    read: Callable[[pa.ChunkedArray], pa.Array]
    column: Column

    def values(self, block: pa.Table) -> pa.Array:
        """Return the column's values."""
        return self.read(block[self.name])


class Reference:
    """The columns, by what is known of them so far."""

    def __init__(self, roles: Roles, kinds: Mapping[str, Kind], *, from_texts: bool) -> None:
        self._roles, self.rows, self._sample = roles, 0, Sample(SIZE)
        self._readers = {name: reader_of(kind, from_texts=from_texts) for name, kind in kinds.items()}
        self._features = [Reading(name, self._readers[name], column_of(name, kinds[name])) for name in roles.features]
        self._prediction = None if roles.prediction is None else self._prediction_of(roles.prediction, kinds)
        self._target = None if roles.target is None else TargetColumn(roles.target, roles.positive)
        self._scorecard = None
        if roles.score is not None and self._target:
            self._scorecard = Scorecard(roles.score, self._target, roles.prediction)

    def look(self, block: pa.Table) -> None:
        """See a block for the first time."""
        taken = self._sample.take(block.num_rows)
        for reading in self._all():
            reading.column.look(reading.values(block), taken)
        if self._target:
            self._target.look(self._values(block, self._roles.target))
        if self._scorecard:
            self._scorecard.look(*self._scored(block), taken)
        self.rows += block.num_rows

    def settle(self) -> None:
        """Choose the bins: all blocks have been looked at."""
        for reading in self._all():
            reading.column.settle()
        if self._target:
            self._target.settle()
        if self._scorecard:
            self._scorecard.settle()

    def count(self, block: pa.Table) -> None:
        """See a block again."""
        for reading in self._all():
            reading.column.count(reading.values(block))
        if self._scorecard:
            self._scorecard.count(*self._scored(block))

    def profile(self) -> Profile:
        """Return what was counted."""
        return Profile(
            version=1,
            rows=self.rows,
            features=tuple(reading.column.feature() for reading in self._features),
            target=self._target.target() if self._target else None,
            prediction=self._prediction.column.feature() if self._prediction else None,
            scores=self._scorecard.scores() if self._scorecard else (),
        )

    def _all(self) -> list[Reading]:
        return [*self._features, self._prediction] if self._prediction else self._features

    def _values(self, block: pa.Table, name: str | None) -> pa.Array | None:
        return None if name is None else self._readers[name](block[name])

    def _scored(self, block: pa.Table) -> tuple[pa.Array, pa.Array, pa.Array | None]:
        roles = self._roles
        score, target = self._values(block, roles.score), self._values(block, roles.target)
        return score, target, self._values(block, roles.prediction)

    def _prediction_of(self, name: str, kinds: Mapping[str, Kind]) -> Reading:
        """Return classes by their names, or else a number."""
        read = self._readers[name]
        if kinds[name] is Kind.NUMBER:
            return Reading(name, read, column_of(name, Kind.NUMBER))
        return Reading(name, lambda values: class_names(read(values)), CategoryColumn(name))
