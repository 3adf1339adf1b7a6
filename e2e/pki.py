"""Certificate authorities, as the openssl command line makes them (3.0 or newer)."""

import base64
import hashlib
import os
import pathlib
import subprocess
from dataclasses import dataclass

from servers import need

CONFIG = """
[ca]
default_ca = this
[this]
dir = $ENV::CA
database = $dir/index.txt
new_certs_dir = $dir
certificate = $dir/cert.pem
private_key = $dir/key.pem
serial = $dir/serial
crlnumber = $dir/crlnumber
default_md = sha256
policy = any
unique_subject = no
email_in_dn = yes
crl_extensions = list
[list]
authorityKeyIdentifier = keyid
[any]
[req]
distinguished_name = empty
[empty]
[root]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
[between]
basicConstraints = critical, CA:TRUE, pathlen:0
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
[constrained]
basicConstraints = critical, CA:TRUE, pathlen:0
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
nameConstraints = critical, permitted;DNS:example.com
[client]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = clientAuth
authorityKeyIdentifier = keyid
[self]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = clientAuth
[names]
keyUsage = digitalSignature
extendedKeyUsage = clientAuth
subjectAltName = DNS:payments.example.com, URI:spiffe://example.org/payments, IP:192.0.2.7, email:payments@example.com
[outside]
keyUsage = digitalSignature
extendedKeyUsage = clientAuth
subjectAltName = DNS:payments.example.net
[bare]
basicConstraints = CA:FALSE
[for_servers]
keyUsage = digitalSignature
extendedKeyUsage = serverAuth
[for_encryption]
keyUsage = keyEncipherment
extendedKeyUsage = clientAuth
[localhost]
keyUsage = digitalSignature
extendedKeyUsage = serverAuth
subjectAltName = DNS:localhost, IP:127.0.0.1
"""

KEYS = {
    "P-256": ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"],
    "P-384": ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384"],
    "RSA 1024": ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:1024"],
    "RSA 2048": ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"],
    "Ed25519": ["-algorithm", "ED25519"],
}
#: From before these tests were written until long after.
START, END = "20260101000000Z", "20560101000000Z"


@dataclass(frozen=True)
class Certificate:
    path: pathlib.Path
    key: pathlib.Path

    @property
    def pem(self) -> str:
        return self.path.read_text()

    @property
    def x5t_s256(self) -> str:
        """Of the first certificate in the file (RFC 8705 §3.1)."""
        der = subprocess.run(
            ["openssl", "x509", "-in", self.path, "-outform", "DER"], check=True, capture_output=True
        ).stdout
        return base64.urlsafe_b64encode(hashlib.sha256(der).digest()).rstrip(b"=").decode()


class Authority:
    """A folder as `openssl ca` wants it."""

    def __init__(self, pki: "Pki", folder: pathlib.Path, certificate: Certificate | None = None):
        self.pki, self.folder = pki, folder
        folder.mkdir()
        (folder / "index.txt").touch()
        (folder / "crlnumber").write_text("01\n")
        (folder / "serial").write_text("10" + os.urandom(8).hex() + "00\n")
        if certificate is not None:
            (folder / "cert.pem").write_text(certificate.pem)
            (folder / "key.pem").write_bytes(certificate.key.read_bytes())
        self.certificate = Certificate(folder / "cert.pem", folder / "key.pem")

    def _ca(self, *arguments: object) -> None:
        self.pki.run("ca", "-batch", *arguments, CA=self.folder)

    def _sign(self, request: pathlib.Path, to: pathlib.Path, section: str, start: str, end: str, *more: object) -> None:
        dates = ["-startdate", start, "-enddate", end]
        self._ca("-notext", "-preserveDN", "-in", request, "-out", to, "-extensions", section, *dates, *more)

    def issue(
        self, name: str, section: str, subject: str, kind: str = "P-256", start=START, end=END, digest="sha256"
    ) -> Certificate:
        """The certificate alone, without its chain."""
        made = Certificate(self.pki.folder / f"{name}.pem", self.pki.key(name, kind))
        self._sign(self.pki.request(made.key, subject), made.path, section, start, end, "-md", digest)
        return made

    def authority(self, name: str, section: str, subject: str, kind: str = "P-256") -> "Authority":
        return Authority(self.pki, self.pki.folder / f"{name}.ca", self.issue(name, section, subject, kind))

    def revoke(self, certificate: Certificate) -> None:
        self._ca("-revoke", certificate.path)

    def write_list(self, to: pathlib.Path, start=START, end=END) -> None:
        new = to.with_suffix(".new")
        self._ca("-gencrl", "-crl_lastupdate", start, "-crl_nextupdate", end, "-out", new)
        new.replace(to)


class Pki:
    def __init__(self, folder: pathlib.Path):
        self.folder = folder
        self.openssl = need("openssl", "openssl")
        (folder / "openssl.cnf").write_text(CONFIG)

    def run(self, *arguments: object, CA: object = ".") -> None:
        environment = {**os.environ, "OPENSSL_CONF": str(self.folder / "openssl.cnf"), "CA": str(CA)}
        command = [self.openssl, *map(str, arguments)]
        done = subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True)
        assert done.returncode == 0, f"{' '.join(command)}\n{done.stderr}"

    def key(self, name: str, kind: str) -> pathlib.Path:
        path = self.folder / f"{name}.key"
        self.run("genpkey", *KEYS[kind], "-out", path)
        return path

    def request(self, key: pathlib.Path, subject: str) -> pathlib.Path:
        path = key.with_suffix(".req")
        self.run("req", "-new", "-key", key, "-subj", subject, "-out", path)
        return path

    def root(self, name: str, subject: str, kind: str = "P-256", section: str = "root") -> Authority:
        """Signs itself."""
        made = Authority(self, self.folder / f"{name}.ca")
        key = self.key(name, kind)
        made.certificate.key.write_bytes(key.read_bytes())
        made._sign(
            self.request(key, subject), made.certificate.path, section, START, END, "-selfsign", "-md", "sha256"
        )
        return made

    def chain(self, name: str, *certificates: Certificate) -> Certificate:
        """The first one with the others behind it, as clients send them."""
        path = self.folder / f"{name}.chain.pem"
        path.write_text("".join(one.pem for one in certificates))
        return Certificate(path, certificates[0].key)
