"""The cache of parts and images, the recipes that are its keys, and the writer of image archives."""

import hashlib
import json
import os
import re
import tarfile
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import NoReturn

import pytest

from tests.cluster.eventually import eventually
from tests.cluster.images.archive import Image, architecture
from tests.cluster.images.content import content_of
from tests.cluster.parts import PARTS, NotBuiltError, build_all, debian, golang
from tests.cluster.parts.cache import KEPT, Entry, lock, obtain
from tests.cluster.parts.golang import GoProgram

ENTRY = Entry("kubelet", "v1", recipe=("go1.26", "-trimpath"))


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "cache"
    monkeypatch.setenv("SERINUS_CACHE", str(folder))
    return folder


def make(path: Path) -> None:
    path.write_text("made")


def never(path: Path) -> NoReturn:
    pytest.fail(f"{path} was made again")


def fail_halfway(path: Path) -> NoReturn:
    path.write_text("half of it")
    raise NotBuiltError("the compiler ended with 1")


@pytest.mark.parametrize(
    "other",
    [
        replace(ENTRY, name="kube-proxy"),
        replace(ENTRY, version="v2"),
        replace(ENTRY, recipe=("go1.27", "-trimpath")),
        replace(ENTRY, recipe=("go1.26",)),
        replace(ENTRY, recipe=("go1.26-trimpath",)),
    ],
)
def test_another_recipe_is_another_place(other: Entry) -> None:
    assert other.path != ENTRY.path


def test_a_result_is_made_once() -> None:
    path = obtain(ENTRY, make)
    assert path.read_text() == "made"
    assert obtain(ENTRY, never) == path


def test_a_failed_build_leaves_nothing_and_the_next_try_works(cache: Path) -> None:
    with pytest.raises(NotBuiltError):
        obtain(ENTRY, fail_halfway)
    assert not ENTRY.cached
    assert list((cache / "kubelet").iterdir()) == []
    assert obtain(ENTRY, make).read_text() == "made"


def test_what_a_killed_build_left_is_swept_away(cache: Path) -> None:
    left = cache / "kubelet/.making-x/result"
    left.mkdir(parents=True)
    obtain(ENTRY, make)
    assert not left.exists()
    assert list((cache / "kubelet").iterdir()) == [ENTRY.folder]


def test_only_the_results_used_last_are_kept() -> None:
    entries = [replace(ENTRY, version=f"v{number}") for number in range(KEPT + 1)]
    for age, entry in enumerate(entries[:KEPT]):
        obtain(entry, make)
        os.utime(entry.folder, (age, age))
    obtain(entries[0], never)
    obtain(entries[KEPT], make)
    assert [entry.cached for entry in entries] == [True, False, *[True] * (KEPT - 1)]


def test_two_builders_wait_for_one_another(capsys: pytest.CaptureFixture[str]) -> None:
    making, let_go = threading.Event(), threading.Event()

    def make_slowly(path: Path) -> None:
        making.set()
        let_go.wait()
        make(path)

    first = threading.Thread(target=obtain, args=(ENTRY, make_slowly), daemon=True)
    second = threading.Thread(target=obtain, args=(ENTRY, never), daemon=True)
    first.start()
    making.wait()
    second.start()
    hears(capsys, f"waiting for kubelet, being built by process {os.getpid()}\n")
    let_go.set()
    first.join()
    second.join()
    assert ENTRY.path.read_text() == "made"


def test_who_waits_in_a_shared_workshop_is_told_for_what(capsys: pytest.CaptureFixture[str]) -> None:
    def enter() -> None:
        with lock("go", "kubectl"):
            pass

    waiting = threading.Thread(target=enter, daemon=True)
    with lock("go", "kube-apiserver"):
        waiting.start()
        hears(capsys, f"waiting for kubectl until process {os.getpid()} has built kube-apiserver\n")
    waiting.join()


def hears(capsys: pytest.CaptureFixture[str], sentence: str) -> None:
    said = ""

    def heard() -> bool:
        nonlocal said
        said += capsys.readouterr().err
        return sentence in said

    eventually(heard, 10, f"stderr says {sentence!r}")


def test_an_unknown_part_is_refused_with_the_list_of_parts() -> None:
    with pytest.raises(ValueError, match="no such part: kublet; there are etcd, kube-apiserver, "):
        build_all(["kublet"])


def test_a_bare_control_plane_is_built_first() -> None:
    assert {part.name for part in PARTS[:3]} == {"etcd", "kube-apiserver", "kube-controller-manager"}


def test_every_kubernetes_module_is_of_one_release() -> None:
    release = golang.required_version("kubernetes", "k8s.io/kubernetes/cmd/kubelet").removeprefix("v1")
    replaced = re.findall(r"(\S+) => (\S+) v0(\S+)", golang.pinned("kubernetes")[0])
    assert replaced
    assert [line for line in replaced if line[0] != line[1] or line[2] != release] == []


HELM = GoProgram("helm", "tool", "example.dev/helm/v3/cmd/helm", stamped=("example.dev/version",))


@pytest.fixture
def go_mod(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The go.mod of HELM, where nothing is remembered of other ones."""
    remembering = (golang.pinned, golang.required_version, golang.toolchain)
    monkeypatch.setattr(golang, "MODULES", tmp_path)
    path = tmp_path / "tool/go.mod"
    path.parent.mkdir()
    path.write_text("module m\n\nrequire (\n\texample.dev/helm/v3 v3.2.1 // indirect\n\texample.dev/helm v2.0.0\n)\n")
    path.with_name("go.sum").touch()
    for each in remembering:
        each.cache_clear()
    yield path
    for each in remembering:
        each.cache_clear()


def put_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    program = tmp_path / "bin/go"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")


@pytest.mark.usefixtures("go_mod")
def test_a_program_has_the_version_of_the_module_that_it_lies_in() -> None:
    assert HELM.version == "v3.2.1"


@pytest.mark.usefixtures("go_mod")
def test_a_program_is_built_with_its_version_stamped_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put_go(
        tmp_path,
        monkeypatch,
        """
        [ $1 = env ] && echo go1.26.8 linux amd64 && exit
        for word; do case $word in -o=*) echo "$@" > ${word#-o=};; esac; done
        """,
    )
    assert not HELM.cached
    said = HELM.ensure().read_text()
    assert HELM.cached
    assert "-X example.dev/version.gitVersion=v3.2.1 -X example.dev/version.gitMajor=3" in said
    assert said.endswith(f"{HELM.package}\n")


@pytest.mark.usefixtures("go_mod")
def test_a_program_that_does_not_compile_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put_go(tmp_path, monkeypatch, "[ $1 = env ] && echo go1.26.8 linux amd64 && exit; echo main.go:1: oops >&2; exit 1")
    with pytest.raises(NotBuiltError, match=r"go build in tool ended with 1:\nmain.go:1: oops"):
        HELM.ensure()


@pytest.mark.usefixtures("go_mod")
def test_a_go_that_is_too_old_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put_go(tmp_path, monkeypatch, "echo go1.19.8 linux amd64")
    with pytest.raises(NotBuiltError, match=r"go1.19.8 is too old .*: install Go 1.24 or newer, or use kind"):
        HELM.ensure()


@pytest.mark.usefixtures("go_mod")
def test_a_machine_without_go_is_told_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(NotBuiltError, match=r"there is no go command: install Go 1.24 or newer, or use kind"):
        HELM.ensure()


def test_a_machine_that_is_not_debian_is_told_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(NotBuiltError, match=r"containerd runc .* neither Debian nor Ubuntu: use kind"):
        debian.ensure("containerd", "runc")


def test_an_edited_an_added_and_a_renamed_file_are_another_content(tmp_path: Path) -> None:
    folder = tmp_path / "operator"
    folder.mkdir()
    source = folder / "a.py"
    source.write_text("x = 1")
    contents = [content_of(folder)]
    source.write_text("x = 2")
    contents.append(content_of(folder))
    (folder / "b.py").touch()
    contents.append(content_of(folder))
    source.rename(folder / "c.py")
    contents.append(content_of(folder))
    assert len(set(contents)) == len(contents)


def test_compiled_python_is_no_content(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("x = 1")
    content = content_of(tmp_path)
    (tmp_path / "__pycache__").mkdir()
    (tmp_path / "__pycache__/a.pyc").touch()
    assert content_of(tmp_path) == content


def test_an_archive_says_what_its_image_is_made_of(tmp_path: Path) -> None:
    layers = [tmp_path / "low.tar", tmp_path / "high.tar"]
    for layer in layers:
        with tarfile.open(layer, "w") as content:
            content.add(__file__, arcname=layer.name)
    archive = tmp_path / "archive.tar"
    Image("localhost/pause:1", layers, entrypoint=["/pause"], user="65532:65532").write(archive)

    with tarfile.open(archive) as written:
        files = {name: member.read() for name in written.getnames() if (member := written.extractfile(name))}
    [manifest] = json.loads(files["manifest.json"])
    assert manifest["RepoTags"] == ["localhost/pause:1"]
    assert [files[name] for name in manifest["Layers"]] == [layer.read_bytes() for layer in layers]
    configuration = json.loads(files[manifest["Config"]])
    assert configuration["architecture"] == architecture()
    assert configuration["config"] == {"Entrypoint": ["/pause"], "User": "65532:65532"}
    digests = [f"sha256:{hashlib.sha256(layer.read_bytes()).hexdigest()}" for layer in layers]
    assert configuration["rootfs"] == {"type": "layers", "diff_ids": digests}
