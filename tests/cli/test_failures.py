"""Whatever goes wrong is one sentence on stderr and exit code 1; Ctrl-C is quiet."""

import json
import signal
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from kubernetes.client.exceptions import ApiException
from urllib3.exceptions import ReadTimeoutError

from serinus.cli.answers import sentence_of
from tests.cli.running import PROGRAM, complaint, environment, run, write_kubeconfig
from tests.cluster.ports import free_port

TOKEN = {"token": "secret"}
NOT_INSTALLED = "the API server knows no resources of serinus.dev: is Serinus installed there?"
LOG_IN = "the API server does not accept your credentials (401 Unauthorized): log in again"
FORBIDDEN = 'modeldeployments.serinus.dev "fraud" is forbidden: '


@contextmanager
def server_that_answers(status: int, text: str) -> Iterator[str]:
    """An API server that says the same to everybody; its address."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", "0")))
            self.send_response(status)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text.encode())

        def do_POST(self) -> None:
            self.do_GET()

        def log_message(self, *_arguments: object) -> None:
            """Stay quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def refused(status: int, message: str, **details: str) -> ApiException:
    error = ApiException(status=status, reason="Reason")
    error.body = json.dumps({"kind": "Status", "message": message, "details": details})
    return error


def bare(status: int, body: str | None) -> ApiException:
    error = ApiException(status=status, reason="Reason")
    error.body = body
    return error


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (refused(404, 'mdep "fraud" not found', name="fraud"), 'mdep "fraud" not found'),
        (refused(404, "the server could not find the requested resource"), NOT_INSTALLED),
        (bare(404, "404 page not found\n"), NOT_INSTALLED),
        (refused(401, "Unauthorized"), LOG_IN),
        (refused(403, f'{FORBIDDEN}User "eve" cannot get it'), f'{FORBIDDEN}User "eve" cannot get it'),
        (
            refused(403, f"{FORBIDDEN}ValidatingAdmissionPolicy 'a' with binding 'b' denied request: eve may not"),
            "eve may not",
        ),
        (refused(500, "etcd:\n no leader"), "etcd: no leader"),
        (bare(502, "<html>Bad Gateway</html>"), "the API server answers 502 Reason"),
        (bare(502, '"text"'), "the API server answers 502 Reason"),
        (bare(502, None), "the API server answers 502 Reason"),
        (OSError("no\nroute"), "the API server cannot be reached: no route"),
        (ReadTimeoutError(None, "", "read timed out"), "the API server does not answer in time: "),  # type: ignore[arg-type]
    ],
)
def test_what_the_server_says_becomes_a_sentence(error: Exception, sentence: str) -> None:
    assert sentence_of(error).startswith(sentence)


@pytest.mark.parametrize("command", ["status", "promote"])
def test_a_server_that_is_not_there(tmp_path: Path, command: str) -> None:
    kubeconfig = write_kubeconfig(tmp_path / "config", f"https://127.0.0.1:{free_port()}", TOKEN)
    sentence = complaint(kubeconfig, command, "fraud")
    assert sentence.startswith("the API server cannot be reached: ")
    assert "refused" in sentence


def test_a_server_that_speaks_no_tls(tmp_path: Path) -> None:
    with server_that_answers(200, "{}") as address:
        kubeconfig = write_kubeconfig(tmp_path / "config", address.replace("http:", "https:"), TOKEN)
        assert complaint(kubeconfig, "status", "fraud").startswith("no trustworthy connection to the API server: ")


@pytest.mark.parametrize("command", ["status", "abort"])
@pytest.mark.parametrize(
    ("status", "text", "sentence"), [(404, "404 page not found\n", NOT_INSTALLED), (401, "Unauthorized", LOG_IN)]
)
def test_a_server_that_knows_nothing_or_nobody(
    tmp_path: Path, command: str, status: int, text: str, sentence: str
) -> None:
    with server_that_answers(status, text) as address:
        assert complaint(write_kubeconfig(tmp_path / "config", address, TOKEN), command, "fraud") == sentence


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("", "no cluster to talk to: Invalid kube-config. "),
        ("{", "the kubeconfig cannot be used: ParserError: "),
        ("[]", "the kubeconfig cannot be used: TypeError: "),
        ("clusters: 3", "the kubeconfig cannot be used: TypeError: "),
        ("current-context: nowhere", "no cluster to talk to: Invalid kube-config file. "),
    ],
)
def test_a_broken_kubeconfig(tmp_path: Path, content: str, sentence: str) -> None:
    kubeconfig = tmp_path / "config"
    kubeconfig.write_text(content)
    assert complaint(kubeconfig, "promote", "fraud").startswith(sentence)


def test_a_context_that_is_not_there(tmp_path: Path) -> None:
    kubeconfig = write_kubeconfig(tmp_path / "config", "https://127.0.0.1", TOKEN)
    assert "nowhere" in complaint(kubeconfig, "promote", "fraud", "--context", "nowhere")


def test_a_server_that_is_no_url(tmp_path: Path) -> None:
    kubeconfig = write_kubeconfig(tmp_path / "config", "nonsense", TOKEN)
    assert complaint(kubeconfig, "status", "fraud") == ('the kubeconfig names as server "nonsense", which is no URL')


def test_a_credential_plugin_that_fails_is_quoted(tmp_path: Path) -> None:
    plugin = {
        "apiVersion": "client.authentication.k8s.io/v1",
        "command": "sh",
        "args": ["-c", "echo the session has expired >&2; exit 1"],
    }
    kubeconfig = write_kubeconfig(tmp_path / "config", "https://127.0.0.1", {"exec": plugin})
    sentence = complaint(kubeconfig, "status", "fraud")
    assert sentence == "no credentials for the cluster: exec: process returned 1. the session has expired"


@pytest.mark.parametrize("command", ["status", "promote"])
def test_ctrl_c_ends_it_quietly(tmp_path: Path, command: str) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as silent:
        silent.settimeout(30)
        kubeconfig = write_kubeconfig(tmp_path / "config", f"http://127.0.0.1:{silent.getsockname()[1]}", TOKEN)
        with subprocess.Popen(
            [*PROGRAM, command, "fraud"], env=environment(kubeconfig), stdout=subprocess.PIPE, stderr=subprocess.PIPE
        ) as process:
            with closing(silent.accept()[0]):
                process.send_signal(signal.SIGINT)
                assert process.communicate(timeout=30) == (b"", b"")
            assert process.returncode == 130


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("promote",),
        ("rollback", "fraud"),
        ("promote", "fraud", "--revision", "9C7E1F20AB"),
        ("promote", "fraud", "--revision", "9c7e"),
        ("promote", "fraud", "--timeout", "soon"),
        ("promote", "fraud", "--timeout", "-1"),
        ("profile",),
        ("profile", "train.csv", "--features"),
    ],
)
def test_what_is_not_understood_shows_the_usage(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    done = run(tmp_path / "none", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("usage: kubectl serinus")


def test_every_verb_has_a_line_of_help(tmp_path: Path) -> None:
    shown = run(tmp_path / "none", "--help").stdout
    for words in (
        "approve",
        "skip the remaining steps",
        "back to the stable",
        "hold",
        "go on",
        "rolled back",
        "training data",
    ):
        assert words in shown
