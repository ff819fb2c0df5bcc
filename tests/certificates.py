"""Certificates for tests: an authority of our own and what it vouches for, made with the `openssl` command."""

import shutil
import ssl
import subprocess
from dataclasses import dataclass
from pathlib import Path

from tests.parts import require

_KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
_LEAF = "subjectAltName=%s\nsubjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\nbasicConstraints=CA:FALSE\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """A certificate with its private key, in files."""

    cert: Path
    key: Path

    def server(self) -> ssl.SSLContext:
        """What a server that shows this certificate uses."""
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(self.cert, self.key)
        return context


class Authority:
    """Signs certificates that only those trust who trust this authority."""

    def __init__(self, folder: Path, name: str) -> None:
        """Make its own certificate, in that folder."""
        if shutil.which("openssl") is None:
            require("openssl", "no `openssl` on the PATH", "apt-get install openssl")
        self._folder = folder
        self._name = name
        self.cert = folder / f"{name}.pem"
        self._key = folder / f"{name}.key"
        subject = ["-subj", f"/CN={name}", "-addext", "keyUsage=critical,keyCertSign,cRLSign"]
        _openssl(["req", "-x509", *_KEY, "-keyout", str(self._key), "-out", str(self.cert), *subject])

    def certificate(self, *names: str, days: int = 30) -> Certificate:
        """A certificate for these DNS names and IPv4 addresses, valid for so many days; -1 ended yesterday."""
        stem = self._folder / f"{self._name}-{names[0]}-{days}"
        cert, key, asked, more = (stem.with_suffix(end) for end in (".crt", ".key", ".csr", ".cnf"))
        kinds = [f"{'IP' if name[0].isdigit() else 'DNS'}:{name}" for name in names]
        more.write_text(_LEAF % ",".join(kinds), encoding="utf-8")
        _openssl(["req", *_KEY, "-keyout", str(key), "-out", str(asked), "-subj", f"/CN={names[0]}"])
        signer = ["-CA", str(self.cert), "-CAkey", str(self._key), "-CAcreateserial"]
        _openssl(
            ["x509", "-req", "-in", str(asked), *signer, "-days", str(days), "-extfile", str(more), "-out", str(cert)]
        )
        return Certificate(cert=cert, key=key)

    def client(self) -> ssl.SSLContext:
        """What a client that trusts this authority alone uses."""
        return ssl.create_default_context(cafile=str(self.cert))


def _openssl(arguments: list[str]) -> None:
    done = subprocess.run(["openssl", *arguments], capture_output=True, check=False, text=True, timeout=30)
    assert done.returncode == 0, done.stderr
