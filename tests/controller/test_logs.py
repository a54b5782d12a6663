"""The log: one JSON object a line."""

import json
import logging
import sys
from collections.abc import Mapping

import pytest

from serinus.cluster.objects import Key
from serinus.controller.logs import JsonFormatter, Once, calm_about_gateway_api, reconcile_context, set_up


def logged(
    message: str = "hello",
    *arguments: object,
    logger: str = "serinus.controller.workers",
    extra: Mapping[str, object] | None = None,
    error: BaseException | None = None,
) -> dict[str, object]:
    """Return the line of one record; it must be one line."""
    exc_info = (type(error), error, error.__traceback__) if error else None
    record = logging.getLogger(logger).makeRecord(
        logger, logging.WARNING, "workers.py", 7, message, arguments, exc_info, extra=extra
    )
    text = JsonFormatter().format(record)
    assert "\n" not in text
    line: dict[str, object] = json.loads(text)
    return line


def test_a_line_says_when_how_grave_where_and_what() -> None:
    line = logged("%d of %d", 2, 3)
    assert (line["level"], line["logger"], line["message"]) == ("warning", "serinus.controller.workers", "2 of 3")
    assert str(line["time"]).endswith("+00:00")
    assert line.keys() == {"time", "level", "logger", "message"}


def test_a_message_of_several_lines_stays_on_one() -> None:
    assert logged('a "first"\nand a second: Zoë')["message"] == 'a "first"\nand a second: Zoë'


def test_what_is_given_as_extra_stands_in_the_line() -> None:
    assert logged(extra={"error": "503", "objects": 3}).items() >= {"error": "503", "objects": 3}.items()


def test_what_json_does_not_know_is_written_as_text() -> None:
    assert logged(extra={"kinds": {"Pod"}})["kinds"] == "{'Pod'}"


def test_what_other_loggers_add_is_left_out() -> None:
    assert "k8s_ref" not in logged(logger="kopf.objects", extra={"k8s_ref": {"name": "fraud"}})


def test_an_exception_has_its_traceback() -> None:
    try:
        raise ValueError("no such revision")  # noqa: TRY301 - it is to have been raised
    except ValueError as error:
        traceback = str(logged(error=error)["traceback"])
    assert traceback.startswith("Traceback")
    assert traceback.endswith("ValueError: no such revision")


def test_lines_of_a_reconcile_carry_its_key_and_a_number_of_their_own() -> None:
    with reconcile_context(Key("risk", "fraud")):
        first, second = logged(), logged()
    with reconcile_context(Key("risk", "fraud")):
        other = logged()
    assert first["key"] == "risk/fraud"
    assert first["reconcile"] == second["reconcile"] != other["reconcile"]
    assert "key" not in logged()


def test_the_key_ends_with_the_reconcile_also_when_that_fails() -> None:
    with pytest.raises(KeyError), reconcile_context(Key("risk", "fraud")):
        raise KeyError
    assert "key" not in logged()


def test_it_writes_to_standard_error_from_the_level_on_that_is_asked_for(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(logging.root, "handlers", [])
    monkeypatch.setattr(logging.root, "level", logging.root.level)
    set_up("warning")
    logger = logging.getLogger("serinus.test")
    logger.info("unheard")
    logger.warning("heard")
    (line,) = capsys.readouterr().err.splitlines()
    assert json.loads(line)["message"] == "heard"
    assert isinstance(logging.root.handlers[0], logging.StreamHandler)
    assert logging.root.handlers[0].stream is sys.stderr


def test_what_kopf_says_at_every_change_of_a_definition_is_logged_once() -> None:
    once = Once()
    records = [logging.makeLogRecord({"msg": message}) for message in ("no HTTPRoute", "no HTTPRoute", "no Pod")]
    assert [once.filter(record) for record in records] == [True, False, True]


@pytest.mark.parametrize(
    ("selectors", "level"),
    [
        ("Selector(group='gateway.networking.k8s.io', any_name='httproutes')", "INFO"),
        ("Selector(group='serinus.dev', any_name='modeldeployments')", "WARNING"),
        ("Selector(any_name='modeldeployments'), Selector(any_name='httproutes')", "WARNING"),
    ],
)
def test_that_a_cluster_has_no_gateway_api_is_no_warning(selectors: str, level: str) -> None:
    message = f"Unresolved resources cannot be served (try creating their CRDs): {selectors}"
    record = logging.LogRecord("kopf", logging.WARNING, "observation.py", 7, message, (), None)
    assert calm_about_gateway_api(record)
    assert record.levelname == level
    assert ("Gateway API is not installed" in record.getMessage()) == (level == "INFO")
