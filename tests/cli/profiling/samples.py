"""Training data in every format, and `kubectl serinus profile` in this process. Used by the tests of profiles."""

from argparse import Namespace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import yaml
from pyarrow import csv, feather, ipc, parquet

from serinus.cli.main import main
from serinus.monitor.profiles.profile import Profile, read_profile

Rows = dict[str, list[Any]]

TRAINING: Rows = {
    "amount": [0, 0, 0, 0, 1.5, 2.5, 2.25, 3, 9, -1, 7.5, None],
    "age": [18, 20, 31, 44, 44, 44, 52, 60, 71, 83, 90, 90],
    "country": ["DE"] * 8 + ["AT", "CH", "AT", None],
    "member": [True, False, None] * 4,
    "y": [0, 0, 1, 0, 0, 0, 1, 1, 1, 1, None, 0],
    "p": [0.1, 0.2, 0.3, 0.4, 0.05, 0.6, 0.7, 0.8, 0.9, 1, 0.5, None],
}
ASKED = ("--target", "y", "--score", "p")


def table(rows: Rows) -> pa.Table:
    return pa.table({name: pa.array(values) for name, values in rows.items()})


def write(file: Path, data: pa.Table, batch: int = 5) -> Path:
    ending = file.suffix.lower()
    if ending == ".csv":
        csv.write_csv(data, file)
    elif ending == ".parquet":
        parquet.write_table(data, file, row_group_size=batch)
    elif ending == ".feather":
        feather.write_feather(data, file, compression="lz4", chunksize=batch)
    else:
        kind = ipc.new_stream if file.name.startswith("stream") else ipc.new_file
        with kind(str(file), data.schema) as writer:
            writer.write_table(data, max_chunksize=batch)
    return file


def arguments(file: Path, **more: object) -> Namespace:
    defaults: dict[str, object] = {
        "target": None,
        "positive": None,
        "score": None,
        "prediction": None,
        "features": [],
        "exclude": [],
        "category": [],
        "output": None,
        "name": None,
    }
    return Namespace(verb="profile", file=file, **(defaults | more))


class Terminal:
    """What a person types, and sees."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self._monkeypatch, self._capsys = monkeypatch, capsys

    def run(self, *words: object) -> tuple[int, str, str]:
        self._monkeypatch.setattr("sys.argv", ["kubectl-serinus", *map(str, words)])
        code = main()
        shown = self._capsys.readouterr()
        return code, shown.out, shown.err

    def profile(self, file: Path, *words: object) -> Profile:
        code, out, err = self.run("profile", file, *words)
        assert code == 0, err
        configmap = yaml.safe_load(out)
        return read_profile(configmap["data"]["profile.json"].encode(), configmap["metadata"]["name"])

    def complaint(self, file: Path, *words: object) -> str:
        code, out, err = self.run("profile", file, *words)
        assert (code, out, err.count("\n")) == (1, "", 1), (code, out, err)
        name, _, sentence = err.rstrip("\n").partition(": ")
        assert name == "kubectl serinus"
        return sentence
