"""A client of the model that knows the truth: runs in a pod of the same image and asks about patients held out.

`client.py score` asks about each of them once and counts how often the model was right.
`client.py ask --until-version 2` asks all the time until that version has answered for a while, and ends with 1 if a
request failed.
"""

import argparse
import itertools
import json
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException
from threading import Lock
from typing import Final

from data import DIAGNOSES, parts

NAME: Final = "breast-cancer"
PATH: Final = f"/v2/models/{NAME}/infer"
SHOWN: Final = 5
ANSWER_SECONDS: Final = 30
CALLERS: Final = 4
PAUSE_SECONDS: Final = 0.05
REPORT_SECONDS: Final = 2
LONGEST_SECONDS: Final = 300


class FailedError(Exception):
    """A request was not answered."""


@dataclass(frozen=True)
class Patient:
    """What was measured, and the diagnosis that turned out to be true."""

    measurements: Sequence[float]
    truth: str


@dataclass(frozen=True)
class Prediction:
    """What the model answered."""

    version: str
    diagnosis: str
    malignant: float


@dataclass
class Tally:
    """What several callers count together."""

    answered: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)
    lock: Lock = field(default_factory=Lock)

    def count(self, host: str, patient: Patient) -> None:
        """Ask once."""
        try:
            version = ask(host, patient).version
        except FailedError as failure:
            with self.lock:
                self.failures.append(str(failure))
        else:
            with self.lock:
                self.answered[version] += 1


def ask(host: str, patient: Patient) -> Prediction:
    """Ask about one patient over a connection of its own, as a stranger would, and never twice."""
    tensor = {"name": "measurements", "datatype": "FP64", "shape": [1, len(patient.measurements)]}
    question = json.dumps({"inputs": [tensor | {"data": patient.measurements}]})
    connection = HTTPConnection(host, timeout=ANSWER_SECONDS)
    try:
        connection.request("POST", PATH, question, {"Content-Type": "application/json"})
        response = connection.getresponse()
        text = response.read().decode()
    except (OSError, HTTPException) as error:
        raise FailedError(repr(error)) from error
    finally:
        connection.close()
    if response.status != HTTPStatus.OK:
        raise FailedError(f"{response.status} {text}")
    answer = json.loads(text)
    values = {output["name"]: output["data"][0] for output in answer["outputs"]}
    return Prediction(answer["model_version"], values["diagnosis"], values["malignant"])


def score(host: str) -> int:
    """Ask about every patient held out, show a few of the answers, and count."""
    patients = _held_out()
    predictions = [ask(host, patient) for patient in patients]
    pairs = list(zip(patients, predictions, strict=True))
    for patient, prediction in pairs[:: len(pairs) // SHOWN]:
        _say(f"predicted {prediction.diagnosis:9} (malignant: {prediction.malignant:4.0%})  truth {patient.truth}")
    right = sum(patient.truth == prediction.diagnosis for patient, prediction in pairs)
    versions = ", ".join(sorted({prediction.version for prediction in predictions}))
    _say(f"version {versions}: {right} of {len(pairs)} right, accuracy {right / len(pairs):.3f}")
    return 0


def ask_until(host: str, version: str, seconds: float) -> int:
    """Ask all the time, say every moment who answers, and end when only this version has for so many seconds."""
    tally = Tally()
    patients = itertools.cycle(_held_out())
    began = time.monotonic()
    alone_since = None
    with ThreadPoolExecutor(CALLERS) as callers:
        for moment in _moments(LONGEST_SECONDS):
            before = Counter(tally.answered)
            while time.monotonic() < moment:
                list(callers.map(lambda patient: tally.count(host, patient), itertools.islice(patients, CALLERS)))
                time.sleep(PAUSE_SECONDS)
            now = tally.answered - before
            shares = ", ".join(f"{count} by version {name}" for name, count in sorted(now.items())) or "none"
            _say(f"{sum(now.values())} answers: {shares}; {len(tally.failures)} failed so far")
            if set(now) != {version}:
                alone_since = None
            elif alone_since is None:
                alone_since = moment
            elif moment - alone_since >= seconds:
                break
    total = sum(tally.answered.values())
    took = time.monotonic() - began
    _say(f"{total} requests answered in {took:.0f} s, {len(tally.failures)} failed")
    for failure, times in Counter(tally.failures).most_common(SHOWN):
        _say(f"  {times} x {failure}")
    if alone_since is None:
        _say(f"version {version} did not take over within {LONGEST_SECONDS} s")
    return 1 if tally.failures or alone_since is None else 0


def _moments(longest: float) -> Iterator[float]:
    began = time.monotonic()
    yield from itertools.takewhile(
        lambda moment: moment < began + longest, itertools.count(began + REPORT_SECONDS, REPORT_SECONDS)
    )


def _held_out() -> list[Patient]:
    _, (measurements, labels) = parts()
    return [Patient(row, DIAGNOSES[label]) for row, label in zip(measurements.tolist(), labels.tolist(), strict=True)]


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")


def main() -> int:
    """Run the command that the first argument names."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--host", default=NAME, help="the Service of the model [%(default)s]")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("score", help="ask about everybody once")
    until = commands.add_parser("ask", help="ask all the time")
    until.add_argument("--until-version", required=True, help="end when this version answers alone")
    until.add_argument("--seconds", type=float, default=10, help="for so long [%(default)s]")
    chosen = parser.parse_args()
    if chosen.command == "score":
        return score(chosen.host)
    return ask_until(chosen.host, chosen.until_version, chosen.seconds)


if __name__ == "__main__":
    sys.exit(main())
