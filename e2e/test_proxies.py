"""nginx, HAProxy and Apache end TLS in front of `grantor serve` and pass the client's certificate on; curl shows one
(RFC 8705 §6.4, RFC 9440). Their configurations are those of docs/guides/behind-a-proxy.md."""

import base64
import hashlib
import json
import pathlib
import subprocess

import pytest
import requests

from authority import Authority
from grantor import ROOT, Behind, until
from servers import free_ports, need
from servers.proxies import CONFIGURATION, SETTINGS, proxy

API = "https://api.example.com"


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("clients"))


@pytest.fixture(scope="module", params=SETTINGS)
def behind(request, server, authority, tmp_path_factory):
    """A Grantor without TLS of its own, and a proxy before it."""
    data, (port, backend) = server.log.parent / "data", free_ports(2)
    certificate_header, address_header = SETTINGS[request.param]
    settings = f"""[proxy]
trusted = ["127.0.0.1"]
certificate_header = "{certificate_header}"
address_header = "{address_header}"
[mtls]
url = "https://localhost:{port}"
"""
    issuer, certificate, key = f"https://localhost:{port}", data / "dev-cert.pem", data / "dev-key.pem"
    grantor = Behind(tmp_path_factory.mktemp("behind"), server.ca, issuer, backend, settings)
    with proxy(request.param, port, backend, str(certificate), str(key), authority.file):
        until(request.param, lambda: answers(grantor))
        grantor.admin("PUT", "", {"trust_anchors": [pathlib.Path(authority.file).read_text()]})
        grantor.put_resource("api", identifier=API, scope="read")
        grantor.put_client(
            "svc",
            resources=[API],
            scope="read",
            token_endpoint_auth_methods=["tls_client_auth"],
            tls_client_certificate_bound_access_tokens=True,
        )
        grantor.admin("POST", "client/svc/credential", {"tls_client_auth_subject_dn": "CN=svc"})
        yield grantor
    assert grantor.stop() == 0


def answers(grantor) -> bool:
    try:
        return grantor.session.get(f"{grantor.issuer}/readyz", timeout=5).ok
    except requests.ConnectionError:
        return False


def ask(grantor, *options: str) -> tuple[int, dict]:
    """curl, through the proxy."""
    url = grantor.metadata()["mtls_endpoint_aliases"]["token_endpoint"]
    form = ["-d", "grant_type=client_credentials", "-d", "client_id=svc"]
    done = subprocess.run(
        [need("curl", "curl"), "-sS", "--cacert", grantor.ca, *options, "-w", "\n%{http_code}", *form, url],
        capture_output=True,
        text=True,
        check=True,
        timeout=20,
    )
    body, status = done.stdout.rsplit("\n", 1)
    return int(status), json.loads(body)


def claims(token: str) -> dict:
    part = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))


def thumbprint(file: str) -> str:
    pem = pathlib.Path(file).read_text()
    der = base64.b64decode("".join(line for line in pem.splitlines() if "-----" not in line))
    return base64.urlsafe_b64encode(hashlib.sha256(der).digest()).rstrip(b"=").decode()


def test_the_certificate_arrives(behind, authority):
    certificate, key = authority.client("svc")
    status, answer = ask(behind, "--cert", certificate, "--key", key)
    assert status == 200, answer
    assert claims(answer["access_token"])["cnf"] == {"x5t#S256": thumbprint(certificate)}


def test_another_certificate_is_another(behind, authority):
    status, answer = ask(behind, *certificate_options(authority.client("other")))
    assert (status, answer["error"]) == (401, "invalid_client")


def test_without_certificate_nobody(behind):
    status, answer = ask(behind)
    assert (status, answer["error"]) == (401, "invalid_client")


@pytest.mark.parametrize("name", ["X-SSL-Client-Cert", "Client-Cert", "X-Forwarded-Client-Cert"])
def test_a_header_that_the_client_made_up_does_not_arrive(behind, authority, name):
    certificate, _ = authority.client("svc")
    der = "".join(line for line in pathlib.Path(certificate).read_text().splitlines() if "-----" not in line)
    value = f":{der}:" if name == "Client-Cert" else der
    status, answer = ask(behind, "-H", f"{name}: {value}")
    assert (status, answer["error"]) == (401, "invalid_client")
    # Nor beside a certificate of one's own.
    status, answer = ask(behind, "-H", f"{name}: {value}", *certificate_options(authority.client("other")))
    assert (status, answer["error"]) == (401, "invalid_client")


def certificate_options(pair: tuple[str, str]) -> list[str]:
    return ["--cert", pair[0], "--key", pair[1]]


@pytest.mark.parametrize("name", CONFIGURATION)
def test_the_guide_shows_this_configuration(name):
    """Line by line, but for addresses and paths."""
    text = (ROOT / "e2e" / "servers" / CONFIGURATION[name]).read_text().replace("$$", "$")
    _, shown = text.split("# From here on as in docs/guides/behind-a-proxy.md.\n")
    guide = {line.strip() for line in (ROOT / "docs/guides/behind-a-proxy.md").read_text().splitlines()}
    lines = [line.strip() for line in shown.splitlines() if "${" not in line]
    assert len(lines) > 8
    assert [line for line in lines if line not in guide] == []
