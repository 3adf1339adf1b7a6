"""Protected resources follow a rotation of keys, of `grantor serve` with a certificate, and nobody is locked out."""

import base64
import json

import pytest

from clients.everyone import offering
from grantor import Identity, Serve, until
from servers import free_ports
from servers.apache import apache
from servers.rabbitmq import rabbitmq
from test_rabbitmq import ALL, can_log_in

APACHE = "https://apache.example.com/jwt"

# Hours pass in seconds.
KEYS = """[keys]
publish_before_s = 2
jwks_max_age_s = 1
check_interval_s = 1
"""


@pytest.fixture(scope="module")
def rotating(server, tmp_path_factory):
    """Of its own, with the certificate that `grantor dev` made."""
    data = server.log.parent / "data"
    folder, (port,) = tmp_path_factory.mktemp("grantor-serve"), free_ports(1)
    grantor = Serve(folder, server.ca, str(data / "dev-cert.pem"), str(data / "dev-key.pem"), port, KEYS)
    yield grantor
    assert grantor.stop() == 0


@pytest.fixture(scope="module")
def identity(rotating):
    rotating.put_resource("apache", identifier=APACHE, scope="read")
    rotating.put_resource("rabbitmq", identifier="rabbitmq", scope=ALL)
    methods = ["client_secret_basic", "client_secret_post"]
    rotating.put_client(
        "svc", resources=[APACHE, "rabbitmq"], scope=f"read {ALL}", token_endpoint_auth_methods=methods
    )
    return Identity("svc", rotating.create_secret("svc"))


def kid(token: str) -> str:
    header = token.split(".")[0]
    return json.loads(base64.urlsafe_b64decode(header + "=" * (-len(header) % 4)))["kid"]


def rotated(rotating, identity, audience):
    """A token from before a rotation, and one from after it."""
    before = rotating.token(identity, audience=audience)
    yield before
    rotating.rotate_keys()

    def after():
        token = rotating.token(identity, audience=audience)
        return token if kid(token) != kid(before) else None

    yield until("the next key", after)


def test_apache_follows(rotating, identity):
    with apache(rotating, identity) as running:
        tokens = rotated(rotating, identity, APACHE)
        lets_in = lambda token: running.get(f"{running.verifying}/api/", token).status_code == 200  # noqa: E731
        before = next(tokens)
        assert lets_in(before)
        assert lets_in(next(tokens))
        assert lets_in(before)


def test_rabbitmq_follows(rotating, identity):
    with rabbitmq(rotating) as amqp:
        tokens = rotated(rotating, identity, "rabbitmq")
        before = next(tokens)
        assert can_log_in(amqp, before)
        assert can_log_in(amqp, next(tokens))
        assert can_log_in(amqp, before)


@pytest.mark.parametrize("client", offering("verify"), ids=lambda client: client.name)
def test_libraries_follow(rotating, identity, client):
    client.ready()
    for token in rotated(rotating, identity, APACHE):
        assert client.verify(rotating, token, APACHE)["client_id"] == identity.client_id
