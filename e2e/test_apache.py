"""Apache mod_auth_openidc lets good tokens in and keeps bad ones out."""

import time

import pytest

from grantor import Identity
from servers.apache import apache

ALGS = ["ES256", "ES384", "RS256", "PS256"]
OPAQUE = "https://apache.example.com/opaque"
OTHER = "https://other.example.com"
CALLER = "apache+100%25"


def jwt_resource(alg: str) -> str:
    return f"https://apache.example.com/jwt/{alg}"


@pytest.fixture(scope="module")
def caller(server):
    """A client of these resources, and at once the API that introspects their tokens."""
    server.put_resource("apache-opaque", identifier=OPAQUE, scope="read write", access_token_format="opaque")
    server.put_resource("apache-other", identifier=OTHER, scope="read")
    server.put_resource("apache-other-opaque", identifier=f"{OTHER}/opaque", scope="read", access_token_format="opaque")
    for alg in [*ALGS, "EdDSA"]:
        server.put_resource(
            f"apache-{alg.lower()}", identifier=jwt_resource(alg), scope="read write", access_token_signing_alg=alg
        )
    resources = [OPAQUE, OTHER, f"{OTHER}/opaque", *map(jwt_resource, [*ALGS, "EdDSA"])]
    settings = {
        "resources": resources,
        "scope": "read write",
        "introspect_resources": resources,
        "token_endpoint_auth_methods": ["client_secret_basic", "client_secret_post"],
    }
    # A name that arrives only if it is encoded (RFC 6749 §2.3.1): mod_auth_openidc does that.
    server.put_client(CALLER, **settings)
    server.put_client("apache-hasty", access_token_lifetime_s=1, **settings)
    return Identity(CALLER, server.create_secret(CALLER))


@pytest.fixture(scope="module")
def hasty(server, caller):
    return Identity("apache-hasty", server.create_secret("apache-hasty"))


@pytest.fixture(scope="module")
def running(server, caller):
    with apache(server, caller) as running:
        yield running


def tampered(token: str) -> str:
    return token[:-6] + "AAAAAA"


class TestJwks:
    @pytest.fixture
    def status(self, running):
        return lambda token: running.get(f"{running.verifying}/api/", token).status_code

    @pytest.mark.parametrize("alg", ALGS)
    def test_lets_in(self, server, caller, status, alg):
        assert status(server.token(caller, resource=jwt_resource(alg), scope="read")) == 200

    def test_does_not_know_eddsa(self, server, caller, status):
        assert status(server.token(caller, resource=jwt_resource("EdDSA"), scope="read")) == 401

    def test_keeps_out_without_token(self, status):
        assert status(None) == 401

    def test_keeps_out_wrong_audience(self, server, caller, status):
        assert status(server.token(caller, resource=OTHER, scope="read")) == 401

    def test_keeps_out_missing_scope(self, server, caller, status):
        assert status(server.token(caller, resource=jwt_resource("ES256"), scope="write")) == 401

    @pytest.mark.parametrize("alg", ALGS)
    def test_keeps_out_tampered(self, server, caller, status, alg):
        assert status(tampered(server.token(caller, resource=jwt_resource(alg), scope="read"))) == 401

    def test_keeps_out_expired(self, server, hasty, status):
        token = server.token(hasty, resource=jwt_resource("ES256"), scope="read")
        time.sleep(2.1)
        assert status(token) == 401


class TestIntrospection:
    @pytest.fixture
    def status(self, running):
        return lambda token: running.get(f"{running.introspecting}/api/", token).status_code

    def test_lets_in(self, server, caller, status):
        assert status(server.token(caller, resource=OPAQUE, scope="read")) == 200

    def test_keeps_out_without_token(self, status):
        assert status(None) == 401

    def test_keeps_out_wrong_audience(self, server, caller, status):
        assert status(server.token(caller, resource=f"{OTHER}/opaque", scope="read")) == 401

    def test_keeps_out_missing_scope(self, server, caller, status):
        assert status(server.token(caller, resource=OPAQUE, scope="write")) == 401

    def test_keeps_out_tampered(self, server, caller, status):
        assert status(tampered(server.token(caller, resource=OPAQUE, scope="read"))) == 401

    def test_keeps_out_expired(self, server, hasty, status):
        token = server.token(hasty, resource=OPAQUE, scope="read")
        time.sleep(2.1)
        assert status(token) == 401

    def test_keeps_out_revoked(self, server, caller, status):
        token = server.token(caller, resource=OPAQUE, scope="read")
        assert status(token) == 200
        server.revoke(caller, token)
        assert status(token) == 401

    def test_keeps_out_after_all_tokens_of_the_client_were_revoked(self, server, caller, status):
        server.put_client("apache-ended", resources=[OPAQUE], scope="read", token_endpoint_auth_methods=["client_secret_post"])
        token = server.token(Identity("apache-ended", server.create_secret("apache-ended")), scope="read")
        assert status(token) == 200
        server.revoke_tokens("apache-ended")
        assert status(token) == 401
