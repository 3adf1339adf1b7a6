"""Each library gets tokens, as its documentation says, and understands refusals."""

import json
from dataclasses import replace

import pytest
from joserfc import jws

from clients import Refused
from clients.everyone import EVERYONE
from grantor import Identity

JWT_RESOURCE = "https://api.example.com"
OPAQUE_RESOURCE = "https://opaque.example.com"

each_client_and_method = pytest.mark.parametrize(
    ("client", "method"),
    [pytest.param(client, method, id=f"{client.name}-{method}") for client in EVERYONE for method in client.methods],
)


def claims(token: str) -> dict:
    """Of a JWT, unverified: test_verification.py is about signatures."""
    return json.loads(jws.extract_compact(token.encode()).payload)


@pytest.fixture
def demo(server, client, method):
    client.ready()
    return replace(server.demo, method=method)


@each_client_and_method
def test_gets_a_token(server, client, demo):
    answer = client.token(server, demo)
    assert answer["token_type"].lower() == "bearer"
    assert answer["expires_in"] > 0
    assert "refresh_token" not in answer
    assert claims(answer["access_token"])["client_id"] == demo.client_id


@each_client_and_method
def test_gets_a_token_over_plain_http(plain_server, client, method):
    client.ready()
    assert client.token(plain_server, replace(plain_server.demo, method=method))["access_token"]


@each_client_and_method
def test_asks_for_a_scope(server, client, demo):
    answer = client.token(server, demo, scope="read")
    assert claims(answer["access_token"])["scope"] == "read"


@each_client_and_method
def test_asks_for_a_resource(server, client, demo):
    answer = client.token(server, demo, resource=JWT_RESOURCE, scope="write")
    assert claims(answer["access_token"])["aud"] == JWT_RESOURCE
    opaque = client.token(server, demo, resource=OPAQUE_RESOURCE)["access_token"]
    assert "." not in opaque


@each_client_and_method
def test_asks_for_an_audience(server, client, demo):
    answer = client.token(server, demo, audience=JWT_RESOURCE)
    assert claims(answer["access_token"])["aud"] == JWT_RESOURCE


@each_client_and_method
def test_understands_that_the_secret_is_wrong(server, client, method):
    client.ready()
    # A client of its own, since failures are limited by client and source together.
    known, unknown = f"known to {client.name}", f"unknown to {client.name}"
    methods = ["client_secret_basic", "client_secret_post"]
    server.put_client(known, resources=[JWT_RESOURCE], scope="read", token_endpoint_auth_methods=methods)
    server.create_secret(known)
    for client_id in (known, unknown):
        with pytest.raises(Refused) as refused:
            client.token(server, Identity(client_id, "wrong", method))
        assert refused.value.code == "invalid_client"


@each_client_and_method
def test_understands_that_the_scope_is_too_wide(server, client, demo):
    with pytest.raises(Refused) as refused:
        client.token(server, demo, scope="read everything")
    assert refused.value.code == "invalid_scope"


@each_client_and_method
def test_understands_that_the_target_is_unknown(server, client, demo):
    with pytest.raises(Refused) as refused:
        client.token(server, demo, resource="https://unknown.example.com")
    assert refused.value.code == "invalid_target"
