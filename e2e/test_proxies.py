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
    files = (str(certificate), str(key), authority.file)
    try:
        with proxy(request.param, port, backend, *files):
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
            grantor.put_client(
                "own", resources=[API], scope="read", token_endpoint_auth_methods=["self_signed_tls_client_auth"]
            )
            grantor.files = files
            yield grantor
    finally:
        stopped = grantor.stop()
    assert stopped == 0


def answers(grantor) -> bool:
    try:
        return grantor.session.get(f"{grantor.issuer}/readyz", timeout=5).ok
    except requests.ConnectionError:
        return False


def ask(grantor, *options: str, client_id: str = "svc") -> tuple[int, dict]:
    """curl, through the proxy."""
    url = grantor.metadata()["mtls_endpoint_aliases"]["token_endpoint"]
    form = ["-d", "grant_type=client_credentials", "-d", f"client_id={client_id}"]
    done = subprocess.run(
        [need("curl", "curl"), "-sS", "--cacert", grantor.ca, *options, "-w", "\n%{http_code}", *form, url],
        capture_output=True,
        text=True,
        check=True,
        timeout=20,
    )
    body, status = done.stdout.rsplit("\n", 1)
    return int(status), json.loads(body) if body.startswith("{") else {"text": body}


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


def test_a_certificate_that_no_authority_signed_arrives_too(behind, tmp_path):
    registered, other = self_signed(tmp_path, "registered"), self_signed(tmp_path, "other")
    pem = pathlib.Path(registered[0]).read_text()
    behind.admin("POST", "client/own/credential", {"certificate": pem})
    status, answer = ask(behind, *certificate_options(registered), client_id="own")
    assert status == 200, answer
    status, answer = ask(behind, *certificate_options(other), client_id="own")
    assert (status, answer["error"]) == (401, "invalid_client")


@pytest.mark.parametrize("behind", ["nginx"], indirect=True)
def test_nginx_may_check_certificates_itself(behind, authority, tmp_path):
    """`ssl_verify_client optional`: what another authority signed ends there, with nginx's own words."""
    (port,) = free_ports(1)
    issuer = behind.issuer.removeprefix("https://")
    by = ["--connect-to", f"{issuer}:localhost:{port}"]
    with proxy("nginx", port, behind.port, *behind.files, checks=True):
        status, answer = ask(behind, *by, *certificate_options(authority.client("svc")))
        assert status == 200, answer
        status, answer = ask(behind, *by)
        assert (status, answer["error"]) == (401, "invalid_client")
        status, answer = ask(behind, *by, *certificate_options(self_signed(tmp_path, "stranger")))
        assert status == 400 and "The SSL certificate error" in answer["text"]


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


def self_signed(folder: pathlib.Path, name: str) -> tuple[str, str]:
    certificate, key = str(folder / f"{name}.pem"), str(folder / f"{name}-key.pem")
    kind = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-noenc", "-days", "2"]
    subject = ["-subj", "/CN=own", "-addext", "extendedKeyUsage=clientAuth"]
    subprocess.run(
        [need("openssl", "openssl"), "req", "-x509", *kind, *subject, "-keyout", key, "-out", certificate],
        capture_output=True,
        check=True,
        timeout=20,
    )
    return certificate, key


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
