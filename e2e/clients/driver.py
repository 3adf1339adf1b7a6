"""Libraries of other languages, each behind a small program in drivers/.

A driver reads one JSON object: operation, issuer, client_id, secret, method, parameters, token, audience, alg. It prints
`{"done": …}`, or `{"refused": CODE}` where the library itself understood an OAuth error. Anything else is a failure.
"""

import functools
import json
import os
import pathlib
import re
import shutil
import subprocess

import pytest

from . import Client, Refused, unavailable

E2E = pathlib.Path(__file__).resolve().parent.parent
DRIVERS = E2E / "drivers"
BUILT = E2E / "target"
CALL_S = 60


class Driver(Client):
    #: The program that runs it, and what shows that e2e/prepare has made it ready.
    tool: str
    artefact: pathlib.Path

    def command(self) -> list[str]:
        raise NotImplementedError

    def environment(self, server) -> dict[str, str]:
        """What makes the language trust the server's CA."""
        return {}

    def ready(self):
        if shutil.which(self.tool) is None:
            pytest.skip(f"{self.tool} is not installed")
        if problem := self.too_old():
            pytest.skip(problem)
        if not self.artefact.exists():
            unavailable(f"{self.artefact.relative_to(E2E)} is not there: run e2e/prepare")

    def too_old(self) -> str | None:
        return None

    def call(self, operation, server, identity=None, **more):
        asked = {"operation": operation, "issuer": server.issuer, **more}
        if identity is not None:
            asked |= {"client_id": identity.client_id, "secret": identity.secret, "method": identity.method}
        if server.ca:
            asked["ca"] = server.ca
        environment = {**os.environ, **(self.environment(server) if server.ca else {})}
        done = subprocess.run(
            self.command(), input=json.dumps(asked), env=environment, capture_output=True, text=True, timeout=CALL_S
        )
        if done.returncode != 0:
            raise RuntimeError(f"{self.name} {operation} failed:\n{done.stdout}{done.stderr}")
        answer = json.loads(done.stdout)
        if "refused" in answer:
            raise Refused(answer["refused"])
        return answer["done"]

    def token(self, server, identity, **parameters):
        return self.call("token", server, identity, parameters=parameters)

    def metadata(self, server):
        return self.call("metadata", server)

    def introspect(self, server, identity, token):
        return self.call("introspect", server, identity, token=token)

    def introspect_signed(self, server, identity, token, alg):
        return self.call("introspect_signed", server, identity, token=token, alg=alg)

    def revoke(self, server, identity, token):
        self.call("revoke", server, identity, token=token)

    def verify(self, server, token, audience):
        return self.call("verify", server, token=token, audience=audience)


@functools.cache
def version(*command: str) -> tuple[int, ...]:
    """The first number with a dot in what a tool says of itself."""
    said = subprocess.run(command, capture_output=True, text=True, timeout=CALL_S)
    found = re.search(r"\d+(\.\d+)+", said.stdout + said.stderr)
    return tuple(map(int, found[0].split("."))) if found else ()


class Node(Driver):
    tool = "node"

    def __init__(self, name: str, offers: set[str]):
        self.name = name
        self.offers = frozenset(offers)
        self.artefact = DRIVERS / "node" / "node_modules" / name
        if "token" not in offers:
            self.methods = ()

    def command(self):
        return ["node", str(DRIVERS / "node" / "main.mjs"), self.name.replace("-", "_")]

    def environment(self, server):
        return {"NODE_EXTRA_CA_CERTS": server.ca}

    def too_old(self):
        return None if version("node", "--version") >= (20,) else "Node.js is older than 20"


class Go(Driver):
    """golang.org/x/oauth2/clientcredentials; it offers nothing but tokens."""

    name = "go-oauth2"
    tool = "go"
    artefact = BUILT / "grantor-go"

    def command(self):
        return [str(self.artefact)]

    def environment(self, server):
        return {"SSL_CERT_FILE": server.ca}

    def too_old(self):
        return None if version("go", "version") >= (1, 21) else "Go is older than 1.21"


class Nimbus(Driver):
    """Nimbus oauth2-oidc-sdk (Java)."""

    name = "nimbus"
    tool = "javac"
    offers = frozenset({"metadata", "introspect", "revoke", "verify"})
    # Its key selector leaves Ed25519 keys out.
    algs = Client.algs - {"EdDSA"}
    artefact = BUILT / "java" / ".prepared"

    def command(self):
        built = self.artefact.parent
        return ["java", "-Xshare:auto", "-XX:TieredStopAtLevel=1", "-cp", f"{built}/classes:{built}/*", "Nimbus"]

    def too_old(self):
        if shutil.which("mvn") is None:
            return "mvn is not installed"
        return None if version("javac", "--version") >= (17,) else "Java is older than 17"


class Curl(Client):
    """As in every README. It knows nothing of OAuth, so errors are read here."""

    name = "curl"
    encodes_basic = False

    def ready(self):
        if shutil.which("curl") is None:
            unavailable("curl is not installed")

    def token(self, server, identity, **parameters):
        command = ["curl", "--silent", "--show-error", f"{server.issuer}/connect/token"]
        command += ["--cacert", server.ca] if server.ca else []
        form = {"grant_type": "client_credentials", **parameters}
        if identity.method == "basic":
            command += ["--user", f"{identity.client_id}:{identity.secret}"]
        else:
            form |= {"client_id": identity.client_id, "client_secret": identity.secret}
        for name, value in form.items():
            command += ["--data-urlencode", f"{name}={value}"]
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=CALL_S)
        answer = json.loads(done.stdout)
        if "error" in answer:
            raise Refused(answer["error"])
        return answer
