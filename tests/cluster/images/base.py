"""The image that our images stand on here: a few Debian packages, unpacked. Elsewhere python:slim takes its place."""

import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from tests.cluster.images import archive as archives
from tests.cluster.images.archive import Image, architecture
from tests.cluster.images.content import content_of
from tests.cluster.images.packages import PYTHON
from tests.cluster.parts import NotBuiltError, debian
from tests.cluster.parts.cache import Entry, obtain

SUITE: Final = "bookworm"
PACKAGES: Final = ("python3-minimal", f"libpython{PYTHON}-stdlib", "ca-certificates")
"""What the image holds; they bring what they depend on."""

UNUSED: Final = (
    "/bin/tar",
    "/etc/cron.daily/*",
    "/etc/logrotate.d/*",
    "/sbin/start-stop-daemon",
    "/usr/bin/debconf*",
    "/usr/bin/dpkg*",
    "/usr/bin/perl*",
    "/usr/lib/*/gconv/*",
    "/usr/lib/*/libperl*",
    "/usr/lib/*/perl*",
    "/usr/sbin/dpkg*",
    "/usr/share/bash-completion/*",
    "/usr/share/bug/*",
    "/usr/share/debconf/*",
    "/usr/share/doc/*",
    "/usr/share/info/*",
    "/usr/share/lintian/*",
    "/usr/share/locale/*",
    "/usr/share/man/*",
    "/usr/share/perl*",
    "/usr/share/polkit-1/*",
)
"""What the packages bring, and nothing in a container asks for."""

# The packages are only unpacked: what their scripts would do, as far as it is needed, is done here.
FINISHING: Final = (
    'cd "$1"',
    "mkdir -p proc sys run",
    "cat usr/share/ca-certificates/mozilla/*.crt > etc/ssl/certs/ca-certificates.crt",
    "echo root:x:0:0::/root:/bin/false > etc/passwd",
    "echo nobody:x:65532:65532::/:/bin/false >> etc/passwd",
    "echo root:x:0: > etc/group",
    "echo nobody:x:65532: >> etc/group",
)


def base_image(*further: str) -> Path:
    """Return the archive of the image, made if need be, with these Debian packages as well."""
    return obtain(_entry(further), lambda archive: _build(archive, further))


def base_tag(*further: str) -> str:
    """Return the name under which the archive holds the image."""
    return f"localhost/serinus-base:{_entry(further).key}"


def _entry(further: tuple[str, ...]) -> Entry:
    recipe = (content_of(Path(__file__), Path(archives.__file__)), architecture(), *further)
    return Entry("-".join(("base", *further)), SUITE, recipe)


def _build(archive: Path, further: tuple[str, ...]) -> None:
    debian.ensure("mmdebstrap")
    with TemporaryDirectory(dir=archive.parent) as scratch:
        layer = Path(scratch, "layer.tar")
        done = subprocess.run(
            [
                "mmdebstrap",
                "--quiet",
                "--variant=extract",
                f"--include={','.join((*PACKAGES, *further))}",
                *(f"--dpkgopt=path-exclude={pattern}" for pattern in UNUSED),
                f"--extract-hook={' && '.join(FINISHING)}",
                SUITE,
                layer,
                *debian.sources_of(SUITE),
            ],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise NotBuiltError(f"mmdebstrap ended with {done.returncode}:\n{done.stderr}")
        Image(base_tag(*further), [layer]).write(archive)
