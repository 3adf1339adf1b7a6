"""Clients that prove themselves without sending a secret, and tokens bound to keys, with libraries that nobody here wrote."""

import json
import pathlib
import subprocess
from dataclasses import dataclass

import jwt
import pytest
from authlib.integrations.base_client.errors import OAuthError
from authlib.integrations.requests_client import OAuth2Session
from authlib.oauth2.rfc7523 import ClientSecretJWT, PrivateKeyJWT
from joserfc.jwk import ECKey, OctKey, OKPKey, RSAKey

from authority import Authority
from clients import Refused
from clients.everyone import offering
from grantor import Identity, Serve
from servers import free_ports

AUDIENCE = "https://keys.example.com"
LIBRARIES = {c.name: c for c in offering("metadata") if c.name in ("oauth4webapi", "openid-client", "nimbus")}


@dataclass
class World:
    grantor: Serve
    #: Known to the server, so that it vouches for clients.
    trusted: Authority

    def register(self, client_id: str, method: str, **metadata: object) -> None:
        methods = {"token_endpoint_auth_methods": [method]}
        self.grantor.put_client(client_id, resources=[AUDIENCE], scope="read", **methods, **metadata)

    def add(self, client_id: str, **credential: object) -> dict:
        return self.grantor.admin("POST", f"client/{client_id}/credential", credential)


@pytest.fixture(scope="module")
def world(request, server, tmp_path_factory):
    data = server.log.parent / "data"
    certificate = str(data / "dev-cert.pem"), str(data / "dev-key.pem")
    port, mtls_port = free_ports(2)
    # As long as Authlib makes its assertions.
    nonce = getattr(request, "param", "false")
    settings = f"[limits]\nassertion_lifetime_max_s = 3600\n[dpop]\nnonce_required = {nonce}"
    folder = tmp_path_factory.mktemp("grantor-keys")
    grantor = Serve(folder, server.ca, *certificate, port, settings, mtls_port)
    trusted = Authority(tmp_path_factory.mktemp("trusted"))
    grantor.admin("PUT", "", {"trust_anchors": [pathlib.Path(trusted.file).read_text()]})
    grantor.put_resource("keys", identifier=AUDIENCE, scope="read")
    yield World(grantor, trusted)
    assert grantor.stop() == 0


@pytest.fixture(params=list(LIBRARIES))
def library(request):
    LIBRARIES[request.param].ready()
    return LIBRARIES[request.param]


def token(library, world, client_id: str, method: str, secret: str = "", **more: object) -> dict:
    """The token response; `more`: jwk, certificate, dpop."""
    answer = library.call("token", world.grantor, Identity(client_id, secret, method), parameters={}, **more)
    return answer | {"claims": jwt.decode(answer["access_token"], options={"verify_signature": False})}


KEYS = {
    "ES256": lambda: ECKey.generate_key("P-256"),
    "ES384": lambda: ECKey.generate_key("P-384"),
    "EdDSA": lambda: OKPKey.generate_key("Ed25519"),
    "RS256": lambda: RSAKey.generate_key(2048),
    "PS256": lambda: RSAKey.generate_key(2048),
}


@pytest.mark.parametrize(
    ("library", "alg"),
    [(name, alg) for name, library in LIBRARIES.items() for alg in KEYS if alg in library.algs],
    indirect=["library"],
)
def test_private_key_jwt(world, library, alg):
    client_id = f"{library.name}-{alg}"
    world.register(client_id, "private_key_jwt")
    mine, other = ({**KEYS[alg]().as_dict(private=True), "alg": alg, "kid": "1"} for _ in range(2))
    public = {name: mine[name] for name in ("kty", "crv", "x", "y", "n", "e", "alg", "kid") if name in mine}
    world.add(client_id, jwks={"keys": [public]})
    for _ in range(2):
        assert token(library, world, client_id, "private_key_jwt", jwk=mine)["claims"]["client_id"] == client_id
    with pytest.raises(Refused, match="invalid_client"):
        token(library, world, client_id, "private_key_jwt", jwk=other)


def test_client_secret_jwt(world, library):
    client_id = f"{library.name}-hmac"
    world.register(client_id, "client_secret_jwt")
    secret = world.add(client_id, type="hmac_secret")["secret"]
    assert token(library, world, client_id, "client_secret_jwt", secret)["claims"]["aud"] == AUDIENCE
    with pytest.raises(Refused, match="invalid_client"):
        token(library, world, client_id, "client_secret_jwt", secret[::-1])


@pytest.mark.parametrize("method", ["tls_client_auth", "self_signed_tls_client_auth"])
def test_a_certificate(world, library, method, tmp_path):
    """At the alias for client certificates, which the library finds in the metadata."""
    client_id = f"{library.name}-{method}"
    world.register(client_id, method, tls_client_certificate_bound_access_tokens=True)
    mine, other = certificates(world, method, client_id, tmp_path)
    claims = token(library, world, client_id, "tls_client_auth", certificate=mine)["claims"]
    assert list(claims["cnf"]) == ["x5t#S256"]
    with pytest.raises(Refused, match="invalid_client"):
        token(library, world, client_id, "tls_client_auth", certificate=other)


def certificates(world, method: str, client_id: str, folder) -> tuple[tuple[str, str], tuple[str, str]]:
    """The client's, which is registered, and one that is not good enough."""
    if method == "tls_client_auth":
        world.add(client_id, tls_client_auth_subject_dn=f"CN={client_id}")
        return world.trusted.client(client_id), world.trusted.client("somebody")
    authority = Authority(folder)
    mine, other = authority.client("mine"), authority.client("other")
    world.add(client_id, certificate=pathlib.Path(mine[0]).read_text())
    return mine, other


@pytest.mark.parametrize("world", ["false", "true"], indirect=True, ids=["nonce optional", "nonce required"])
@pytest.mark.parametrize(
    ("method", "alg"), [("private_key_jwt", "ES256"), ("post", "Ed25519"), ("tls_client_auth", "PS256")]
)
def test_dpop(world, library, method, alg):
    """With every way to authenticate; where a nonce is required, the library asks once more."""
    client_id = f"{library.name}-dpop-{method}"
    registered = "client_secret_post" if method == "post" else method
    world.register(client_id, registered, dpop_bound_access_tokens=True)
    with_, secret = {}, ""
    if alg == "Ed25519" and "EdDSA" not in library.algs:
        alg = "ES384"
    if method == "private_key_jwt":
        key = KEYS["ES256"]()
        world.add(client_id, jwks={"keys": [key.as_dict(private=False) | {"alg": "ES256"}]})
        with_["jwk"] = key.as_dict(private=True) | {"alg": "ES256"}
    elif method == "tls_client_auth":
        with_["certificate"], _ = certificates(world, method, client_id, None)
    else:
        secret = world.grantor.create_secret(client_id)
    answer = token(library, world, client_id, method, secret, dpop=alg, **with_)
    assert answer["token_type"].lower() == "dpop" and "jkt" in answer["claims"]["cnf"]
    with pytest.raises(Refused, match="invalid_request"):
        token(library, world, client_id, method, secret, **with_)


@pytest.mark.parametrize("method", ["tls_client_auth", "dpop"])
def test_introspection_tells_what_a_token_is_bound_to(world, library, method, tmp_path):
    """RFC 8705 §3.2, RFC 9449 §6.2. Whoever asks proves itself with an assertion, which this endpoint takes as well."""
    client_id, api = f"{library.name}-bound-{method}", f"{library.name}-api-{method}"
    if method == "dpop":
        world.register(client_id, "client_secret_post", dpop_bound_access_tokens=True)
        granted = token(library, world, client_id, "post", world.grantor.create_secret(client_id), dpop="ES256")
    else:
        world.register(client_id, method, tls_client_certificate_bound_access_tokens=True)
        mine, _ = certificates(world, method, client_id, tmp_path)
        granted = token(library, world, client_id, method, certificate=mine)
    world.register(api, "private_key_jwt", introspect_resources=[AUDIENCE])
    key = KEYS["ES256"]().as_dict(private=True) | {"alg": "ES256"}
    world.add(api, jwks={"keys": [{name: value for name, value in key.items() if name != "d"}]})
    asking = Identity(api, "", "private_key_jwt")
    told = library.call("introspect", world.grantor, asking, token=granted["access_token"], jwk=key)
    assert told["active"] and told["cnf"] == granted["claims"]["cnf"]
    assert told["token_type"].lower() == granted["token_type"].lower()


def authlib(world, client_id: str, key, method) -> OAuth2Session:
    session = OAuth2Session(client_id, key, token_endpoint_auth_method=method.name)
    session.trust_env, session.verify = False, world.grantor.ca
    session.register_client_auth_method(method)
    return session


@pytest.mark.parametrize("kind", [PrivateKeyJWT, ClientSecretJWT], ids=lambda kind: kind.name)
def test_authlib(world, kind):
    """As its documentation shows it, its assertions are for the token endpoint; told the issuer instead, for the issuer."""
    client_id, endpoint = f"authlib-{kind.name}", world.grantor.metadata()["token_endpoint"]
    world.register(client_id, kind.name)
    if kind is PrivateKeyJWT:
        key, alg = KEYS["ES256"](), "ES256"
        world.add(client_id, jwks={"keys": [key.as_dict(private=False) | {"alg": alg}]})
    else:
        key, alg = OctKey.import_key(world.add(client_id, type="hmac_secret")["secret"]), "HS256"

    def fetch(audience):
        session = authlib(world, client_id, key, kind(audience, alg=alg))
        return [session.fetch_token(endpoint)["access_token"] for _ in range(2)]

    assert all(fetch(world.grantor.issuer))
    with pytest.raises(OAuthError, match="invalid_client"):
        fetch(endpoint)
    world.register(client_id, kind.name, allow_token_endpoint_audience=True)
    assert all(fetch(endpoint))
    # Into claims of one's own it writes the jti of the first assertion, and then repeats that.
    session = authlib(world, client_id, key, kind(world.grantor.issuer, alg=alg, claims={"purpose": "a test"}))
    assert session.fetch_token(endpoint)
    with pytest.raises(OAuthError, match="invalid_client"):
        session.fetch_token(endpoint)


def test_authlib_asks_for_too_much(server):
    """An hour, where nothing else is said to it; that is longer than Grantor accepts where nothing else is said to that."""
    identity = "authlib-for-an-hour"
    server.put_resource("keys", identifier=AUDIENCE, scope="read")
    world = World(server, None)
    world.register(identity, "client_secret_jwt")
    secret = OctKey.import_key(world.add(identity, type="hmac_secret")["secret"])
    session = authlib(world, identity, secret, ClientSecretJWT(server.issuer))
    with pytest.raises(OAuthError, match="lives too long"):
        session.fetch_token(f"{server.issuer}/connect/token")


@pytest.mark.parametrize("method", ["tls_client_auth", "self_signed_tls_client_auth"])
def test_curl(world, method, tmp_path):
    client_id = f"curl-{method}"
    world.register(client_id, method)
    mine, other = certificates(world, method, client_id, tmp_path)
    alias = world.grantor.metadata()["mtls_endpoint_aliases"]["token_endpoint"]

    def curl(url, *with_):
        form = ["--data", "grant_type=client_credentials", "--data", f"client_id={client_id}"]
        command = ["curl", "--silent", "--show-error", "--cacert", world.grantor.ca, *with_, *form, url]
        return json.loads(subprocess.run(command, capture_output=True, check=True, timeout=60).stdout)

    def show(pair):
        return ["--cert", pair[0], "--key", pair[1]]

    assert curl(alias, *show(mine))["token_type"] == "Bearer"
    assert curl(alias, *show(other))["error"] == "invalid_client"
    assert curl(alias)["error"] == "invalid_client"
    # Not the alias: no certificate is asked for there.
    assert curl(world.grantor.metadata()["token_endpoint"], *show(mine))["error"] == "invalid_client"
