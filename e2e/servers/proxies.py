"""Reverse proxies that end TLS in front of Grantor and pass the client's certificate on."""

import contextlib
import os
import pathlib
import shutil
import socket
import subprocess
from string import Template

from grantor import until

from . import end, folder_of, need

MODULES = pathlib.Path("/usr/lib/apache2/modules")
#: How Grantor is told to read what each of them says.
SETTINGS = {
    "nginx": ("x-ssl-client-cert", "x-forwarded-for"),
    "haproxy": ("client-cert", "x-forwarded-for"),
    "apache2": ("x-ssl-client-cert", "x-forwarded-for"),
}
CONFIGURATION = {"nginx": "nginx.conf", "haproxy": "haproxy.cfg", "apache2": "apache-proxy.conf"}

ASKS = "ssl_verify_client optional_no_ca;"
CHECKS = "ssl_verify_client optional; ssl_client_certificate ${client_ca};"


def _command(name: str, folder: pathlib.Path, configuration: pathlib.Path) -> list:
    program = need(name, name)
    return {
        "nginx": [program, "-p", folder, "-e", folder / "error.log", "-c", configuration],
        "haproxy": [program, "-db", "-f", configuration],
        "apache2": [program, "-d", folder, "-f", configuration, "-DFOREGROUND"],
    }[name]


@contextlib.contextmanager
def proxy(name: str, port: int, backend: int, certificate: str, key: str, client_ca: str, checks: bool = False):
    """Listens on `port` and passes requests on to `backend`. Where nginx `checks`, it lets only certificates
    of the `client_ca` through."""
    root = os.geteuid() == 0
    user = "www-data" if root and name == "apache2" else "root" if root else "nobody"
    need(name, name)
    with folder_of(None) as folder:
        for file, source in [("cert.pem", certificate), ("key.pem", key), ("client-ca.pem", client_ca)]:
            shutil.copy(source, folder / file)
        (folder / "both.pem").write_bytes(pathlib.Path(certificate).read_bytes() + pathlib.Path(key).read_bytes())
        text = (pathlib.Path(__file__).parent / CONFIGURATION[name]).read_text()
        if checks:
            assert name == "nginx" and ASKS in text
            text = text.replace(ASKS, CHECKS)
        template = Template(text)
        configuration = folder / "proxy.conf"
        configuration.write_text(
            template.substitute(
                folder=folder,
                user=user,
                modules=MODULES,
                port=port,
                backend=backend,
                certificate=folder / "cert.pem",
                key=folder / "key.pem",
                pem=folder / "both.pem",
                client_ca=folder / "client-ca.pem",
            )
        )
        if user == "www-data":
            for path in [folder, *folder.rglob("*")]:
                shutil.chown(path, user, user)
        log = folder / "output.log"
        with log.open("wb") as out:
            process = subprocess.Popen(
                _command(name, folder, configuration),
                start_new_session=True,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
            )
        try:

            def answers():
                if process.poll() is not None:
                    errors = folder / "error.log"
                    raise RuntimeError(f"{name} ended: {log.read_text()}{errors.read_text() if errors.exists() else ''}")
                with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
                    return True

            until(name, answers)
            yield
        finally:
            end(process)
