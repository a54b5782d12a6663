"""`kubectl serinus profile`: a profile of training data, as a ConfigMap. Called by main.py, which imports it late."""

import re
import sys
from argparse import Namespace
from pathlib import Path
from typing import Final

from serinus.cli.failure import Failure
from serinus.cli.profiling.columntypes import Kind, Texts, kind_of
from serinus.cli.profiling.configmap import content_of, manifest, name_of
from serinus.cli.profiling.profilepage import page
from serinus.cli.profiling.progress import Progress
from serinus.cli.profiling.reference import Reference
from serinus.cli.profiling.roles import Roles, roles_of
from serinus.cli.profiling.trainingfile import TrainingFile, training_file
from serinus.monitor.profiles.profile import MOST_BYTES, Profile, read_profile

BASE: Final = r"[a-z0-9]([-a-z0-9]{0,198}[a-z0-9])?"


def answer(arguments: Namespace) -> str:
    """Write the ConfigMap, and return what a person wants to know of it."""
    base = _base(arguments)
    profile = profile_of(training_file(arguments.file), arguments, Progress(sys.stderr))
    content = content_of(profile)
    if len(content) > MOST_BYTES:
        raise Failure(
            f"the profile has {len(content)} bytes, and a ConfigMap holds {MOST_BYTES}: name fewer --features"
        )
    name = name_of(base, content)
    read_profile(content, name)  # what is written can be read
    if arguments.output is None:
        print(page(profile, name, "FILE"), file=sys.stderr)
        return manifest(name, content).rstrip("\n")
    _write(arguments.output, manifest(name, content))
    return page(profile, name, str(arguments.output))


def profile_of(file: TrainingFile, arguments: Namespace, progress: Progress) -> Profile:
    """Return the profile of a file, which is read twice, or three times to know the types of CSV."""
    roles, from_texts = roles_of(file.schema().names, arguments), file.format == "CSV"
    kinds = _kinds_of_texts(file, roles, progress) if from_texts else _kinds_of_types(file, roles)
    if roles.score is not None and kinds[roles.score] not in (Kind.NUMBER, Kind.WHOLE):
        raise Failure(f"--score {roles.score} holds {kinds[roles.score]}, and no probabilities")
    reference = Reference(roles, kinds, from_texts=from_texts)
    for block in progress.of("looking ", file.blocks(roles.columns())):
        reference.look(block)
    if not reference.rows:
        raise Failure(f"{file.path} has no rows")
    reference.settle()
    for block in progress.of("counting", file.blocks(roles.columns())):
        reference.count(block)
    return reference.profile()


def _kinds_of_texts(file: TrainingFile, roles: Roles, progress: Progress) -> dict[str, Kind]:
    columns = {name: Texts(name) for name in roles.columns() if name not in roles.codes}
    if columns:
        for block in progress.of("typing  ", file.blocks(list(columns))):
            for name, texts in columns.items():
                texts.look(block[name])
    return dict.fromkeys(roles.codes, Kind.TEXT) | {name: texts.kind() for name, texts in columns.items()}


def _kinds_of_types(file: TrainingFile, roles: Roles) -> dict[str, Kind]:
    schema = file.schema()
    kinds = {name: kind_of(name, schema.field(name).type) for name in roles.columns()}
    for name in roles.codes:
        if kinds[name] not in (Kind.TEXT, Kind.WHOLE):
            raise Failure(f"--category {name} holds {kinds[name]}: codes are texts or whole numbers")
        kinds[name] = Kind.TEXT
    return kinds


def _base(arguments: Namespace) -> str:
    base = arguments.name or (arguments.output or arguments.file).stem.lower()
    if not re.fullmatch(BASE, base):
        raise Failure(
            f'"{base}" cannot begin the name of a ConfigMap: name it by --name (small letters, digits, dashes)'
        )
    return str(base)


def _write(file: Path, text: str) -> None:
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise Failure(f"{file} cannot be written: {error.strerror}") from error
