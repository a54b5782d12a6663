"""The operator's settings: flags before environment before defaults."""

import argparse
import os

import pytest

from serinus.controller.settings import ENVIRONMENT_PREFIX, Settings, add_flags, settings_from


@pytest.fixture(autouse=True)
def _bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith(ENVIRONMENT_PREFIX)]:
        monkeypatch.delenv(name)


def read(*flags: str) -> Settings:
    parser = argparse.ArgumentParser()
    add_flags(parser)
    return settings_from(parser.parse_args(flags))


def test_all_has_a_default() -> None:
    settings = read()
    assert (settings.namespace, settings.port, settings.workers) == ("serinus-system", 8080, 8)
    assert (settings.lease_seconds, settings.sweep_seconds, settings.obstacle_seconds) == (15, 300.0, 30.0)
    assert settings.log_level == "info"


@pytest.mark.parametrize(
    ("flag", "text", "field", "value"),
    [
        ("namespace", "models", "namespace", "models"),
        ("pod-uid", "1d2f", "identity", "1d2f"),
        ("pod-name", "serinus-0", "instance", "serinus-0"),
        ("port", "9090", "port", 9090),
        ("workers", "2", "workers", 2),
        ("lease-seconds", "6", "lease_seconds", 6),
        ("sweep-seconds", "1.5", "sweep_seconds", 1.5),
        ("obstacle-seconds", "0.5", "obstacle_seconds", 0.5),
        ("log-level", "debug", "log_level", "debug"),
    ],
)
def test_each_comes_from_its_flag_or_its_variable(
    monkeypatch: pytest.MonkeyPatch, flag: str, text: str, field: str, value: object
) -> None:
    assert getattr(read(f"--{flag}", text), field) == value
    monkeypatch.setenv(ENVIRONMENT_PREFIX + flag.replace("-", "_").upper(), text)
    assert getattr(read(), field) == value


def test_a_flag_outranks_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SERINUS_WORKERS", "2")
    assert read("--workers", "3").workers == 3


def test_a_variable_that_is_no_number_is_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SERINUS_WORKERS", "many")
    with pytest.raises(SystemExit):
        read()
    assert "--workers: invalid int value: 'many'" in capsys.readouterr().err


def test_two_processes_outside_of_a_pod_hold_the_lease_by_different_names() -> None:
    assert read().identity != read().identity
