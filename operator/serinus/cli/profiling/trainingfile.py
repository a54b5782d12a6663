"""A file of training data, read block by block: it may be larger than memory. Called by profile.py."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from stat import S_ISREG
from typing import BinaryIO, Final

import pyarrow as pa
from pyarrow import csv, ipc, parquet

from serinus.cli.failure import Failure, one_line

BLOCK: Final = 16_384
"""Rows that are looked at together: always as many, so that a profile does not depend on how a file is cut."""
FORMATS: Final = {".csv": "CSV", ".parquet": "Parquet", ".arrow": "Arrow", ".feather": "Arrow", ".ipc": "Arrow"}
LINES: Final = csv.ParseOptions(newlines_in_values=True)
ARROW_FILE: Final = b"ARROW1"
"""What an IPC file begins with; an IPC stream has no such mark."""

Batches = Iterator[tuple[pa.RecordBatch, float]]
"""With each, how much of the file has been read, from 0 to 1."""


@dataclass(frozen=True)
class TrainingFile:
    """A file, and what it was like when it was first seen."""

    path: Path
    format: str
    stamp: tuple[int, int, int]
    """Its inode, size and time of change."""

    def schema(self) -> pa.Schema:
        """Return names and types of the columns; in CSV all are texts."""
        with self._failures():
            schema = self._schema()
        if not schema.names:
            raise Failure(f"{self.path} has no columns")
        return schema

    def blocks(self, columns: Sequence[str]) -> Iterator[tuple[pa.Table, float]]:
        """Yield some columns of all rows, block by block, each with how much of the file has been read."""
        waiting: list[pa.RecordBatch] = []
        with self._failures():
            for batch, portion in self._batches(list(columns)):
                waiting.append(batch)
                if sum(part.num_rows for part in waiting) < BLOCK:
                    continue
                table = pa.Table.from_batches(waiting)
                end = table.num_rows // BLOCK * BLOCK
                yield from ((table.slice(start, BLOCK), portion) for start in range(0, end, BLOCK))
                waiting = table.slice(end).to_batches()
            if waiting:
                yield pa.Table.from_batches(waiting), 1.0
        self._require_unchanged()

    def _schema(self) -> pa.Schema:
        with self.path.open("rb") as file:
            if self.format == "Parquet":
                return parquet.ParquetFile(file).schema_arrow
            if self.format == "CSV":
                return pa.schema((name, pa.string()) for name in csv.open_csv(file, parse_options=LINES).schema.names)
            start = file.read(len(ARROW_FILE))
            file.seek(0)
            return ipc.open_file(file).schema if start == ARROW_FILE else ipc.open_stream(file).schema

    def _batches(self, columns: list[str]) -> Batches:
        with self.path.open("rb") as file:
            if self.format == "Parquet":
                yield from _parquet_batches(parquet.ParquetFile(file, pre_buffer=False, buffer_size=65_536), columns)
            elif self.format == "CSV":
                yield from ((batch, file.tell() / self.stamp[1]) for batch in _csv_batches(file, columns))
            elif file.read(len(ARROW_FILE)) == ARROW_FILE:
                yield from _arrow_file_batches(self.path, columns)
            else:
                file.seek(0)
                yield from ((batch.select(columns), file.tell() / self.stamp[1]) for batch in ipc.open_stream(file))

    def _require_unchanged(self) -> None:
        if _stamp(self.path) != self.stamp:
            raise Failure(f"{self.path} changed while it was read: try again when nobody writes to it")

    @contextmanager
    def _failures(self) -> Iterator[None]:
        try:
            yield
        except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
            self._require_unchanged()
            raise Failure(f"{self.path} cannot be read as {self.format}: {one_line(error)}") from error


def training_file(path: Path) -> TrainingFile:
    """Return the file at a path, whose name says its format."""
    format_ = FORMATS.get(path.suffix.lower())
    if format_ is None:
        raise Failure(f"{path} has none of the endings that say a format: {', '.join(FORMATS)}")
    try:
        status = path.stat()
    except OSError as error:
        raise Failure(f"{path} cannot be read: {error.strerror}") from error
    if not S_ISREG(status.st_mode):
        raise Failure(f"{path} is no regular file: it is read several times")
    if status.st_size == 0:
        raise Failure(f"{path} is empty")
    return TrainingFile(path, format_, _stamp(path))


def _stamp(path: Path) -> tuple[int, int, int]:
    try:
        status = path.stat()
    except OSError:  # it is gone
        return 0, 0, 0
    return status.st_ino, status.st_size, status.st_mtime_ns


def _parquet_batches(reader: parquet.ParquetFile, columns: list[str]) -> Batches:
    rows, total = 0, reader.metadata.num_rows
    for batch in reader.iter_batches(BLOCK, columns=columns):
        rows += batch.num_rows
        yield batch.select(columns), rows / total


def _csv_batches(file: BinaryIO, columns: list[str]) -> Iterator[pa.RecordBatch]:
    texts = csv.ConvertOptions(
        include_columns=columns,
        column_types=dict.fromkeys(columns, pa.string()),
        null_values=[""],
        strings_can_be_null=True,
    )
    yield from csv.open_csv(file, parse_options=LINES, convert_options=texts)


def _arrow_file_batches(path: Path, columns: list[str]) -> Batches:
    """Map the file: one batch of it may be larger than memory."""
    with pa.memory_map(str(path)) as mapped:
        names = ipc.open_file(mapped).schema.names
        reader = ipc.open_file(mapped, options=ipc.IpcReadOptions(included_fields=[names.index(c) for c in columns]))
        for number in range(reader.num_record_batches):
            yield reader.get_batch(number).select(columns), (number + 1) / reader.num_record_batches
