"""An authority for the certificates of clients."""

import datetime

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID


class Authority:
    """Vouches for the certificates of clients."""

    def __init__(self, folder):
        self.folder, self.key = folder, ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"clients of {folder.name}")])
        constraints = x509.BasicConstraints(ca=True, path_length=None)
        self.certificate = self._sign(self.name, self.key.public_key(), constraints)
        self.file = self._write("ca.pem", self.certificate)

    def client(self, name: str) -> tuple[str, str]:
        """A certificate and its key, as files."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        usage = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH])
        certificate = self._write(f"{name}.pem", self._sign(subject, key.public_key(), usage))
        pem = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        (self.folder / f"{name}-key.pem").write_bytes(pem)
        return certificate, str(self.folder / f"{name}-key.pem")

    def _sign(self, subject, public_key, extension) -> x509.Certificate:
        now, hour = datetime.datetime.now(datetime.timezone.utc), datetime.timedelta(hours=1)
        serial = x509.random_serial_number()
        builder = x509.CertificateBuilder(self.name, subject, public_key, serial, now - hour, now + hour)
        return builder.add_extension(extension, critical=True).sign(self.key, hashes.SHA256())

    def _write(self, name: str, certificate: x509.Certificate) -> str:
        (self.folder / name).write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        return str(self.folder / name)
