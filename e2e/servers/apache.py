"""Apache httpd with mod_auth_openidc: one port that introspects each token, one that verifies JWTs by the JWKS."""

import contextlib
import os
import pathlib
import shutil
import subprocess
from string import Template

import requests

from clients import unavailable
from grantor import Identity, until

from . import end, folder_of, free_ports, need

MODULES = pathlib.Path("/usr/lib/apache2/modules")
#: Debian's, for when the tests are root: Apache refuses to serve as root.
USER = "www-data"


class Apache:
    def __init__(self, introspecting: int, verifying: int):
        self.introspecting = f"http://127.0.0.1:{introspecting}"
        self.verifying = f"http://127.0.0.1:{verifying}"

    @staticmethod
    def get(url: str, token: str | None) -> requests.Response:
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        return requests.get(url, headers=headers, timeout=20)


@contextlib.contextmanager
def apache(server, caller: Identity):
    """`caller` is who introspects."""
    program = need("apache2", "apache2")
    if not (MODULES / "mod_auth_openidc.so").exists():
        unavailable("mod_auth_openidc is not installed (Debian: apt-get install libapache2-mod-auth-openidc)")
    user = USER if os.geteuid() == 0 else None
    introspecting, verifying = free_ports(2)
    with folder_of(user) as folder:
        for page in ("www", "www/api"):
            (folder / page).mkdir()
            (folder / page / "index.html").write_text("let in\n")
        shutil.copy(server.ca, folder / "ca.pem")
        template = Template((pathlib.Path(__file__).parent / "apache.conf").read_text())
        (folder / "apache.conf").write_text(
            template.substitute(
                folder=folder,
                modules=MODULES,
                introspecting=introspecting,
                verifying=verifying,
                issuer=server.issuer,
                client_id=caller.client_id,
                secret=caller.secret,
            )
        )
        if user:
            for path in [folder, *folder.rglob("*")]:
                shutil.chown(path, user, user)
        command = [program, "-d", folder, "-f", folder / "apache.conf", "-DFOREGROUND"]
        process = subprocess.Popen(command, user=user, group=user, start_new_session=True, stdin=subprocess.DEVNULL)
        try:
            running = Apache(introspecting, verifying)

            def answers():
                if process.poll() is not None:
                    raise RuntimeError(f"apache2 ended:\n{(folder / 'error.log').read_text()}")
                with contextlib.suppress(requests.ConnectionError):
                    return running.get(running.verifying, None).status_code == 200

            until("Apache", answers)
            yield running
        finally:
            end(process)
