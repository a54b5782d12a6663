"""The image that our images stand on here: a few Debian packages, unpacked. Elsewhere python:3.11-slim takes its place."""

import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from tests.cluster.images.archive import Image, architecture
from tests.cluster.parts import NotBuiltError, debian
from tests.cluster.parts.cache import Entry, obtain

SUITE: Final = "bookworm"
PACKAGES: Final = ("python3-minimal", "libpython3.11-stdlib", "ca-certificates")
"""What the image holds; they bring what they depend on."""

UNUSED: Final = (
    "/usr/lib/*/gconv/*",
    "/usr/lib/*/perl-base/*",
    "/usr/lib/systemd/*",
    "/usr/share/bash-completion/*",
    "/usr/share/bug/*",
    "/usr/share/debconf/*",
    "/usr/share/doc/*",
    "/usr/share/info/*",
    "/usr/share/lintian/*",
    "/usr/share/locale/*",
    "/usr/share/man/*",
    "/usr/share/perl5/*",
    "/usr/share/polkit-1/*",
)

# The packages are only unpacked, so what their scripts would do, as far as it is needed, is done here.
FINISH: Final = """
cd "$1"
mkdir -p proc sys run home
cat usr/share/ca-certificates/mozilla/*.crt > etc/ssl/certs/ca-certificates.crt
ln -s /etc/ssl/certs/ca-certificates.crt usr/lib/ssl/cert.pem
printf '%s\\n' root:x:0:0::/root:/bin/false nobody:x:65532:65532::/:/bin/false > etc/passwd
printf '%s\\n' root:x:0: nobody:x:65532: > etc/group
rm -rf var/lib/dpkg var/lib/apt var/cache var/log/* etc/apt
"""


def base_image() -> Path:
    """Return the archive of the image, made if need be."""
    return obtain(_entry(), _build)


def base_tag() -> str:
    """Return the name under which the archive holds the image."""
    return f"localhost/serinus-base:{_entry().key}"


def _entry() -> Entry:
    return Entry("base", SUITE, (*PACKAGES, *UNUSED, FINISH, architecture()))


def _build(archive: Path) -> None:
    debian.ensure("mmdebstrap")
    with TemporaryDirectory(prefix="serinus-base-") as scratch:
        layer = Path(scratch, "layer.tar")
        done = subprocess.run(
            [
                "mmdebstrap",
                "--quiet",
                "--variant=extract",
                f"--include={','.join(PACKAGES)}",
                *(f"--dpkgopt=path-exclude={pattern}" for pattern in UNUSED),
                f"--customize-hook={FINISH}",
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
        Image(base_tag(), [layer], user="65532:65532").write(archive)
