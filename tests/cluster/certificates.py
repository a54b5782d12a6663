"""Certificates of a control plane, made by openssl: one authority, and what it signs for servers and clients."""

import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

DAYS = "365"
# Instead of the machine's own openssl.cnf, whose extensions differ from one distribution to the next.
CONFIGURATION = "[req]\ndistinguished_name = subject\n[subject]\n"


@dataclass(frozen=True)
class Pair:
    """A certificate and its private key."""

    certificate: Path
    key: Path


@dataclass(frozen=True)
class Authority:
    """A certificate authority in a folder of its own."""

    folder: Path
    pair: Pair

    @classmethod
    def create(cls, folder: Path, name: str) -> "Authority":
        folder.mkdir(parents=True, exist_ok=True)
        pair = _request(
            folder / name, f"/CN={name}", "basicConstraints=critical,CA:TRUE", "keyUsage=critical,keyCertSign,cRLSign"
        )
        return cls(folder, pair)

    def issue(self, name: str, *, organization: str = "", hosts: Sequence[str] = ()) -> Pair:
        """A certificate for both ends of a connection; its subject is what Kubernetes takes as user and group."""
        subject = (f"/O={organization}" if organization else "") + f"/CN={name}"
        names = ",".join(f"{'IP' if host[0].isdigit() else 'DNS'}:{host}" for host in hosts)
        extensions = ["extendedKeyUsage=serverAuth,clientAuth", "basicConstraints=critical,CA:FALSE"]
        if names:
            extensions.append(f"subjectAltName={names}")
        file = self.folder / name.replace(":", "-")
        return _request(
            file, subject, *extensions, options=["-CA", str(self.pair.certificate), "-CAkey", str(self.pair.key)]
        )


def _request(file: Path, subject: str, *extensions: str, options: Sequence[str] = ()) -> Pair:
    pair = Pair(file.with_suffix(".crt"), file.with_suffix(".key"))
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    command += [
        "-config",
        "/dev/stdin",
        "-days",
        DAYS,
        "-subj",
        subject,
        "-keyout",
        str(pair.key),
        "-out",
        str(pair.certificate),
        *options,
    ]
    for extension in extensions:
        command += ["-addext", extension]
    done = subprocess.run(command, input=CONFIGURATION, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"openssl could not make the certificate {file.name}: {done.stderr.strip()}")
    pair.key.chmod(0o600)
    return pair
