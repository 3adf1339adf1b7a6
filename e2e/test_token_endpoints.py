"""What else the libraries offer: metadata, introspection (RFC 7662), revocation (RFC 7009), verification (RFC 9068)."""

import pytest

from clients.everyone import offering

JWT_RESOURCE = "https://api.example.com"
OPAQUE_RESOURCE = "https://opaque.example.com"


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
    assert server.is_active(token)
    client.revoke(server, server.demo, token)
    assert not server.is_active(token)
    assert server.is_active(other)


@each("verify")
def test_verifies_a_jwt_access_token(server, client):
    client.ready()
    token = server.token(server.demo, resource=JWT_RESOURCE, scope="read")
    claims = client.verify(server, token, JWT_RESOURCE)
    assert claims["iss"] == server.issuer
    assert claims["client_id"] == claims["sub"] == server.demo.client_id
    with pytest.raises(Exception):
        client.verify(server, token, "https://other.example.com")
    with pytest.raises(Exception):
        client.verify(server, token[:-6] + "AAAAAA", JWT_RESOURCE)
