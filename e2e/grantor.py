"""The real binary, started as a user would, and its admin API."""

import atexit
import json
import os
import pathlib
import select
import signal
import subprocess
import time
from dataclasses import dataclass
from urllib.parse import quote

import requests

ROOT = pathlib.Path(__file__).resolve().parent.parent
START_S = 30
STOP_S = 15


def binary() -> pathlib.Path:
    target = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    path = pathlib.Path(os.environ.get("GRANTOR_BIN", target / "debug" / "grantor"))
    if not path.is_file():
        raise FileNotFoundError(f"{path} is not there: run `cargo build` first, or set GRANTOR_BIN")
    return path


@dataclass(frozen=True)
class Identity:
    """How a client proves itself: `method` is `basic` or `post`."""

    client_id: str
    secret: str
    method: str = "basic"


class Grantor:
    """A running server, its admin API, and what a plain HTTP client sees of it."""

    issuer: str
    admin_url: str
    admin_key: str
    #: The file of the CA to trust, where the server speaks TLS.
    ca: str | None

    def __init__(self, folder: pathlib.Path, *arguments: object):
        self.log = folder / "grantor.log"
        # Not the settings of whoever runs the tests.
        environment = {name: value for name, value in os.environ.items() if not name.startswith("GRANTOR_")}
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [binary(), *arguments], env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log
            )
        # For when a fixture ends before it says so.
        atexit.register(self.process.kill)
        try:
            self._started()
        except Exception:
            self.stop()
            raise
        self.session = requests.Session()
        # Variables such as REQUESTS_CA_BUNDLE would win over `verify`.
        self.session.trust_env = False
        self.session.verify = self.ca or True

    def _started(self) -> None:
        """Waits until it serves, and learns where."""
        raise NotImplementedError

    def stop(self) -> int:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise

    # The admin API.

    def admin(self, method: str, path: str, body: object = None, domain: str = "default") -> object:
        """`path` is below the domain; the domain itself, if it is empty."""
        answer = self.session.request(
            method,
            f"{self.admin_url}/v1/domain/{domain}/{path}".rstrip("/"),
            headers={"Authorization": f"Bearer {self.admin_key}"},
            json=body,
            timeout=10,
        )
        assert answer.ok, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json() if answer.content else None

    def put_resource(self, name: str, domain: str = "default", **metadata: object) -> None:
        self.admin("PUT", f"resource/{quote(name, safe='')}", metadata, domain)

    def put_client(self, client_id: str, domain: str = "default", **metadata: object) -> None:
        self.admin("PUT", f"client/{quote(client_id, safe='')}", metadata, domain)

    def create_secret(self, client_id: str, secret: str | None = None) -> str:
        """A secret made by the server, or the operator's own."""
        body = {} if secret is None else {"secret": secret}
        created = self.admin("POST", f"client/{quote(client_id, safe='')}/credential", body)
        return secret if secret is not None else created["secret"]

    def revoke_tokens(self, client_id: str) -> None:
        self.admin("POST", f"client/{quote(client_id, safe='')}/revoke-tokens")

    # What a plain HTTP client sees, for arranging tests that are not about a client library.

    def token(self, identity: Identity, **parameters: str) -> str:
        """`parameters`: scope, resource, audience."""
        answer = self.session.post(
            f"{self.issuer}/connect/token",
            data={
                "grant_type": "client_credentials",
                "client_id": identity.client_id,
                "client_secret": identity.secret,
                **parameters,
            },
            timeout=10,
        )
        assert answer.ok, f"{answer.status_code} {answer.text}"
        return answer.json()["access_token"]

    def is_active(self, token: str, identity: Identity) -> bool:
        answer = self.session.post(
            f"{self.issuer}/connect/introspect",
            data={"client_id": identity.client_id, "client_secret": identity.secret, "token": token},
            timeout=10,
        )
        assert answer.ok, f"{answer.status_code} {answer.text}"
        return answer.json()["active"]

    def revoke(self, identity: Identity, token: str) -> None:
        answer = self.session.post(
            f"{self.issuer}/connect/revocation",
            data={"client_id": identity.client_id, "client_secret": identity.secret, "token": token},
            timeout=10,
        )
        assert answer.ok, f"{answer.status_code} {answer.text}"

    def rotate_keys(self) -> None:
        self.admin("POST", "key/rotate")

    def metadata(self, issuer: str | None = None) -> dict:
        """Of the default domain, or of the one with that issuer below it (RFC 8414 §3.1)."""
        path = (issuer or self.issuer).removeprefix(self.issuer)
        return self.session.get(f"{self.issuer}/.well-known/oauth-authorization-server{path}", timeout=10).json()

    def jwks(self) -> dict:
        return self.session.get(self.metadata()["jwks_uri"], timeout=10).json()


class Dev(Grantor):
    """`grantor dev` on ports of its own and an empty data folder."""

    def __init__(self, folder: pathlib.Path, *options: str):
        listen = ["--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"]
        super().__init__(folder, "dev", "--format", "json", "--data", folder / "data", *listen, *options)

    def _started(self):
        ready, _, _ = select.select([self.process.stdout], [], [], START_S)
        line = self.process.stdout.readline() if ready else b""
        if not line:
            raise RuntimeError(f"grantor said nothing within {START_S} s; its log:\n{self.log.read_text()}")
        self.announced = json.loads(line)
        self.issuer, self.ca = self.announced["issuer"], self.announced.get("ca")
        self.admin_url, self.admin_key = self.announced["admin_url"], self.announced["admin_key"]

    @property
    def demo(self) -> Identity:
        return Identity(self.announced["client_id"], self.announced["client_secret"])


class Serve(Grantor):
    """`grantor serve` with a configuration file and a certificate, as in production. `settings` is TOML; `mtls_port` is
    where client certificates are asked for."""

    def __init__(
        self,
        folder: pathlib.Path,
        ca: str,
        certificate: str,
        key: str,
        port: int,
        settings: str = "",
        mtls_port: int | None = None,
    ):
        self.issuer, self.ca, self.data = f"https://localhost:{port}", ca, folder / "data"
        config = folder / "grantor.toml"
        mtls = f'mtls = "127.0.0.1:{mtls_port}"' if mtls_port else ""
        config.write_text(
            f"""issuer = "{self.issuer}"
data = "{self.data}"
[listen]
public = "127.0.0.1:{port}"
admin = "127.0.0.1:0"
{mtls}
[tls]
certificate = "{certificate}"
key = "{key}"
{settings}
"""
        )
        super().__init__(folder, "serve", "--config", config)

    @property
    def direct(self) -> str:
        """Where it answers before any proxy does."""
        return self.issuer

    def _started(self):
        def ready():
            if self.process.poll() is not None:
                raise RuntimeError(f"grantor ended:\n{self.log.read_text()}")
            try:
                return requests.get(f"{self.direct}/readyz", verify=self.ca, timeout=5).ok
            except requests.ConnectionError:
                return False

        until("grantor", ready, START_S)
        self.admin_url = (self.data / "admin.url").read_text().strip()
        self.admin_key = (self.data / "admin.key").read_text().strip()


class Behind(Serve):
    """`grantor serve` without TLS of its own, at `port`, for a proxy that makes it `issuer`."""

    def __init__(self, folder: pathlib.Path, ca: str, issuer: str, port: int, settings: str):
        self.issuer, self.ca, self.data, self.port = issuer, ca, folder / "data", port
        config = folder / "grantor.toml"
        config.write_text(
            f"""issuer = "{issuer}"
data = "{self.data}"
[listen]
public = "127.0.0.1:{port}"
admin = "127.0.0.1:0"
{settings}
"""
        )
        Grantor.__init__(self, folder, "serve", "--config", config)

    @property
    def direct(self) -> str:
        return f"http://127.0.0.1:{self.port}"


def until(what: str, condition, within_s: float = 30, pause_s: float = 0.1):
    """Waits for a server that nobody announces."""
    end = time.monotonic() + within_s
    while time.monotonic() < end:
        if found := condition():
            return found
        time.sleep(pause_s)
    raise TimeoutError(f"{what}: not within {within_s} s")
