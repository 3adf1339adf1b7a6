"""Tokens that are bound to a certificate or to a DPoP key, at the example of a protected API: their owner is let in, and
a thief who has the token, and whatever else travels with it, is not. Clients are requests with OpenSSL, joserfc,
oauth4webapi and the SDK."""

import base64
import hashlib
import os
import pathlib
import secrets
import time

import pytest
import requests
from joserfc import jwt
from joserfc.jwk import ECKey

from authority import Authority
from clients.everyone import offering
from examples import call_api, protected_api
from grantor import Identity, Serve
from servers import free_ports

AUDIENCE = "https://bound.example.com"


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("clients"))


@pytest.fixture(scope="module")
def grantor(server, tmp_path_factory):
    """Of its own, with the certificate that `grantor dev` made, and an address for clients with certificates."""
    data = server.log.parent / "data"
    folder, (port, mtls_port) = tmp_path_factory.mktemp("grantor-mtls"), free_ports(2)
    certificate = str(data / "dev-cert.pem"), str(data / "dev-key.pem")
    settings = "[dpop]\nnonce_required = true"
    grantor = Serve(folder, server.ca, *certificate, port, settings, mtls_port)
    try:
        grantor.certificate = certificate
        grantor.put_resource("bound", identifier=AUDIENCE, scope="read")
        yield grantor
    finally:
        stopped = grantor.stop()
    assert stopped == 0


@pytest.fixture(scope="module")
def api(grantor, authority):
    """Speaks TLS, and asks its callers for certificates."""
    certificate, key = grantor.certificate
    settings = {
        "GRANTOR_ISSUER": grantor.issuer,
        "ISSUER_CA": grantor.ca,
        "AUDIENCE": AUDIENCE,
        "TLS_CERT": certificate,
        "TLS_KEY": key,
        "CLIENT_CA": authority.file,
        "DPOP_NONCES": "1",
    }
    with protected_api(dict(os.environ) | settings) as url:
        yield f"{url}/things"


def call(grantor, url: str, token: str, scheme="Bearer", certificate=None, **headers: str) -> requests.Response:
    session = requests.Session()
    session.trust_env = False
    headers["Authorization"] = f"{scheme} {token}"
    return session.get(url, headers=headers, cert=certificate, verify=grantor.ca, timeout=10)


def refused(answer: requests.Response, challenge: str) -> bool:
    return answer.status_code == 401 and challenge in answer.headers["WWW-Authenticate"]


def client(grantor, client_id: str, **metadata: object) -> Identity:
    grantor.put_client(client_id, resources=[AUDIENCE], scope="read", **metadata)
    return Identity(client_id, grantor.create_secret(client_id))


def ask(grantor, identity: Identity, url: str, **options) -> requests.Response:
    form = {"grant_type": "client_credentials"}
    basic = identity.client_id, identity.secret
    return requests.post(url, data=form, auth=basic, verify=grantor.ca, timeout=10, **options)


def test_a_certificate_bound_token(grantor, api, authority, tmp_path):
    identity = client(grantor, "billing", tls_client_certificate_bound_access_tokens=True)
    own, other = authority.client("billing"), authority.client("thief")
    endpoint = grantor.metadata()["mtls_endpoint_aliases"]["token_endpoint"]
    token = ask(grantor, identity, endpoint, cert=own).json()["access_token"]

    assert call(grantor, api, token, certificate=own).json() == ["a lamp"]
    for stolen in [None, other]:
        assert refused(call(grantor, api, token, certificate=stolen), 'Bearer error="invalid_token"'), stolen
    # A certificate of the same name, from an authority of the thief's own: not even the connection is made.
    same_name = Authority(tmp_path).client("billing")
    with pytest.raises(requests.ConnectionError):
        call(grantor, api, token, certificate=same_name)
    # The certificate without its key is no use either: OpenSSL itself refuses to begin.
    with pytest.raises((requests.ConnectionError, OSError)):
        call(grantor, api, token, certificate=(own[0], other[1]))
    assert call(grantor, api, token, certificate=own).ok, "the owner is none the worse for it"


def b64url(octets: bytes) -> str:
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()


def proof(key: ECKey, method: str, url: str, token: str | None = None, **claims: object) -> str:
    header = {"typ": "dpop+jwt", "alg": "ES256", "jwk": key.as_dict(private=False)}
    body = {"jti": secrets.token_urlsafe(16), "htm": method, "htu": url, "iat": int(time.time())} | claims
    if token is not None:
        body["ath"] = b64url(hashlib.sha256(token.encode()).digest())
    return jwt.encode(header, body, key)


def test_a_dpop_bound_token(grantor, api):
    identity = client(grantor, "reports", dpop_bound_access_tokens=True)
    own, thief = ECKey.generate_key("P-256", auto_kid=False), ECKey.generate_key("P-256", auto_kid=False)
    endpoint = grantor.metadata()["token_endpoint"]
    answer = ask(grantor, identity, endpoint, headers={"DPoP": proof(own, "POST", endpoint)})
    assert (answer.status_code, answer.json()["error"]) == (400, "use_dpop_nonce")
    nonce = answer.headers["DPoP-Nonce"]
    answer = ask(grantor, identity, endpoint, headers={"DPoP": proof(own, "POST", endpoint, nonce=nonce)}).json()
    token = answer["access_token"]
    assert answer["token_type"] == "DPoP"

    def show(dpop, scheme="DPoP"):
        return call(grantor, api, token, scheme, DPoP=dpop)

    first = show(proof(own, "GET", api, token))
    assert refused(first, 'DPoP error="use_dpop_nonce"')
    nonce = first.headers["DPoP-Nonce"]
    seen = proof(own, "GET", api, token, nonce=nonce)
    assert show(seen).json() == ["a lamp"]
    assert refused(show(seen), 'DPoP error="invalid_dpop_proof"'), "a proof serves once"
    assert refused(call(grantor, api, token, "DPoP"), 'DPoP error="invalid_dpop_proof"'), "a token alone"
    assert refused(call(grantor, api, token), 'Bearer error="invalid_token"'), "taken for a bearer token"
    assert refused(show(proof(own, "GET", api, token, nonce=nonce), "Bearer"), 'Bearer error="invalid_token"')
    assert refused(show(proof(thief, "GET", api, token, nonce=nonce)), 'DPoP error="invalid_token"'), "another key"
    # A proof that the thief got hold of before it arrived, but which is for something else.
    for other in [
        proof(own, "POST", api, token, nonce=nonce),
        proof(own, "GET", "https://other.example.com/things", token, nonce=nonce),
        proof(own, "GET", api, "another token", nonce=nonce),
        proof(own, "GET", api, nonce=nonce),
        proof(own, "GET", api, token, nonce=nonce, iat=int(time.time()) - 120),
        proof(own, "POST", endpoint, nonce=nonce),
    ]:
        assert refused(show(other), 'DPoP error="invalid_dpop_proof"'), other
    # The thief's key and signature under the owner's name.
    header, body, signature = proof(own, "GET", api, token, nonce=nonce).split(".")
    forged = proof(thief, "GET", api, token, nonce=nonce).split(".")
    for parts in [(header, forged[1], forged[2]), (header, body, forged[2]), (forged[0], body, signature)]:
        assert refused(show(".".join(parts)), 'DPoP error="invalid_dpop_proof"')
    # A proof made ahead, for the time after the thief has lost the key again.
    assert refused(show(proof(own, "GET", api, token, nonce="of another time")), 'DPoP error="use_dpop_nonce"')
    assert show(proof(own, "GET", api, token, nonce=nonce)).ok, "the owner is none the worse for it"


def test_a_token_that_is_bound_to_nothing_needs_no_proof(grantor, api):
    identity = client(grantor, "plain")
    token = ask(grantor, identity, grantor.metadata()["token_endpoint"]).json()["access_token"]
    assert call(grantor, api, token).ok
    own = ECKey.generate_key("P-256", auto_kid=False)
    passed_off = call(grantor, api, token, "DPoP", DPoP=proof(own, "GET", api, token))
    assert refused(passed_off, 'DPoP error="invalid_token"'), "and is not passed off as a bound one"


@pytest.mark.parametrize("dpop", [False, True], ids=["certificate", "certificate and DPoP"])
@pytest.mark.parametrize("method", ["client_secret_basic", "self_signed_tls_client_auth"])
def test_the_sdk_is_an_owner(grantor, api, authority, method, dpop):
    """It shows its certificate to the server and to the API, and makes its proofs with the nonces that both want."""
    client_id = f"sdk-{method}-{dpop}"
    bound = {"tls_client_certificate_bound_access_tokens": True, "dpop_bound_access_tokens": dpop}
    grantor.put_client(
        client_id, resources=[AUDIENCE], scope="read", token_endpoint_auth_methods=[method], **bound
    )
    certificate, key = authority.client(client_id)
    settings = {
        "GRANTOR_ISSUER": grantor.issuer,
        "GRANTOR_CLIENT_ID": client_id,
        "API_URL": api.removesuffix("/things"),
        "CA": grantor.ca,
        "CLIENT_CERT": certificate,
        "CLIENT_KEY": key,
    }
    if method == "client_secret_basic":
        settings["GRANTOR_CLIENT_SECRET"] = grantor.create_secret(client_id)
    else:
        pem = pathlib.Path(certificate).read_text()
        grantor.admin("POST", f"client/{client_id}/credential", {"certificate": pem})
    if dpop:
        settings["DPOP"] = "1"
    token, listed, added = call_api(dict(os.environ) | settings)
    assert token.startswith("a DPoP token" if dpop else "a Bearer token")
    assert listed == '200 ["a lamp"]'
    assert added.startswith("403 DPoP" if dpop else "403 Bearer") and 'scope="write"' in added


def test_a_library_that_knows_dpop(plain_server):
    """oauth4webapi brings the proofs, and the nonces that the API asks for; and it understands what a thief is told."""
    (library,) = (client for client in offering("token") if client.name == "oauth4webapi")
    library.ready()
    settings = {"GRANTOR_ISSUER": plain_server.issuer, "DPOP_NONCES": "1"}
    with protected_api(dict(os.environ) | settings) as url:
        said = library.call("call_with_dpop", plain_server, plain_server.demo, api=f"{url}/things")
    assert said["token_type"] == "dpop" and said["answers"] == [["a lamp"], ["a lamp"]]
    assert said["nonces"] == [f"{url}/things"], "asked for once, and kept"
    bearer, dpop = said["challenges"]
    assert (bearer["scheme"], bearer["parameters"]["error"]) == ("bearer", "invalid_token")
    assert dpop["scheme"] == "dpop" and "ES256" in dpop["parameters"]["algs"].split()
