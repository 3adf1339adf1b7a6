"""What else the libraries offer: metadata, introspection (RFC 7662), revocation (RFC 7009), verification (RFC 9068)."""

import pytest

from clients.everyone import offering
from clients.python import Authlib
from grantor import Identity

JWT_RESOURCE = "https://api.example.com"
OPAQUE_RESOURCE = "https://opaque.example.com"
VERIFIED = "https://verified.example.com"
ALGS = ["ES256", "ES384", "EdDSA", "PS256", "RS256"]


def each(what: str):
    return pytest.mark.parametrize("client", offering(what), ids=lambda client: client.name)


both_formats = pytest.mark.parametrize("resource", [JWT_RESOURCE, OPAQUE_RESOURCE], ids=["jwt", "opaque"])


@each("metadata")
def test_reads_the_metadata(server, client):
    client.ready()
    metadata = client.metadata(server)
    assert metadata["issuer"] == server.issuer
    assert metadata["token_endpoint"] == f"{server.issuer}/connect/token"
    assert "client_credentials" in metadata["grant_types_supported"]


@each("introspect")
@both_formats
def test_introspects(server, client, resource):
    client.ready()
    token = server.token(server.demo, resource=resource, scope="read")
    answer = client.introspect(server, server.demo, token)
    assert answer["active"] is True
    assert answer["client_id"] == answer["sub"] == server.demo.client_id
    assert (answer["aud"], answer["scope"]) == (resource, "read")
    assert client.introspect(server, server.demo, token[:-6] + "AAAAAA")["active"] is False


@each("introspect_signed")
@both_formats
def test_introspects_with_a_signed_answer(server, client, resource):
    """RFC 9701; the library checks signature, `typ`, `iss` and `aud`."""
    client.ready()
    token = server.token(server.demo, resource=resource, scope="read")
    answer = client.introspect_signed(server, server.demo, token, "ES256")
    assert answer["active"] is True
    assert (answer["aud"], answer["scope"]) == (resource, "read")


@each("revoke")
@both_formats
def test_revokes(server, client, resource):
    client.ready()
    token = server.token(server.demo, resource=resource)
    other = server.token(server.demo, resource=resource)
    assert server.is_active(token, server.demo)
    client.revoke(server, server.demo, token)
    assert not server.is_active(token, server.demo)
    assert server.is_active(other, server.demo)


@pytest.fixture(scope="module")
def audience_for(server):
    """A resource for each signature algorithm, and the demo client's rights to all."""
    for alg in ALGS:
        server.put_resource(f"verified-{alg.lower()}", identifier=f"{VERIFIED}/{alg}", access_token_signing_alg=alg)
    resources = [f"{VERIFIED}/{alg}" for alg in ALGS]
    server.put_client("verified", resources=resources, token_endpoint_auth_methods=["client_secret_post"])
    identity = Identity("verified", server.create_secret("verified"))
    return lambda alg: (identity, f"{VERIFIED}/{alg}")


@each("verify")
@pytest.mark.parametrize("alg", ALGS)
def test_verifies_a_jwt_access_token(server, client, audience_for, alg):
    client.ready()
    identity, audience = audience_for(alg)
    token = server.token(identity, resource=audience)
    if alg not in client.algs:
        with pytest.raises(Exception):
            client.verify(server, token, audience)
        return
    claims = client.verify(server, token, audience)
    assert claims["iss"] == server.issuer
    assert claims["client_id"] == claims["sub"] == identity.client_id
    with pytest.raises(Exception):
        client.verify(server, token, "https://other.example.com")
    with pytest.raises(Exception):
        client.verify(server, token[:-6] + "AAAAAA", audience)


def test_authlib_would_have_one_member_more(server):
    """Its `validate()`, which its clients do not call, holds RFC 8414 §2 (response_types_supported is REQUIRED) against
    §3.2 (members without elements are left out). A server without authorization endpoint cannot please both."""
    metadata = Authlib().metadata(server)
    wrong = []
    for name in metadata.REGISTRY_KEYS:
        try:
            getattr(metadata, f"validate_{name}")()
        except ValueError as error:
            wrong.append(str(error))
    assert wrong == ['"response_types_supported" is required']
