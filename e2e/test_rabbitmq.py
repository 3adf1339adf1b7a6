"""RabbitMQ's OAuth 2.0 plugin takes our tokens as passwords, and our scopes as permissions."""

import time

import pika
import pytest
from pika.exceptions import AMQPConnectionError, ChannelClosedByBroker

from grantor import Identity
from servers.rabbitmq import rabbitmq

CONFIGURE, READ, WRITE = "rabbitmq.configure:*/*", "rabbitmq.read:*/*", "rabbitmq.write:*/*"
ALL = f"{CONFIGURE} {READ} {WRITE}"


def sign_with(server, alg: str) -> None:
    """Tokens for the broker are signed so from now on."""
    server.put_resource("rabbitmq", identifier="rabbitmq", scope=ALL, access_token_signing_alg=alg)


@pytest.fixture
def alg(server, request):
    sign_with(server, request.param)
    yield
    sign_with(server, "ES256")


each_alg = pytest.mark.parametrize("alg", ["ES256", "ES384", "EdDSA", "PS256", "RS256"], indirect=True)


@pytest.fixture(scope="module")
def identity(server):
    sign_with(server, "ES256")
    server.put_resource("other-broker", identifier="other-broker", scope=ALL)
    settings = {
        "resources": ["rabbitmq", "other-broker"],
        "default_resource": "rabbitmq",
        "scope": ALL,
        "token_endpoint_auth_methods": ["client_secret_post"],
    }
    server.put_client("publisher", **settings)
    server.put_client("hasty-publisher", access_token_lifetime_s=1, **settings)
    return Identity("publisher", server.create_secret("publisher"))


@pytest.fixture(scope="module")
def amqp(server, identity):
    with rabbitmq(server) as port:
        yield port


@pytest.fixture
def channel_for(amqp):
    """Logs in with a token; the connection is closed after the test."""
    connections = []

    def open_channel(token):
        parameters = pika.ConnectionParameters(
            "127.0.0.1", amqp, credentials=pika.PlainCredentials("", token), socket_timeout=20
        )
        connections.append(pika.BlockingConnection(parameters))
        return connections[-1].channel()

    yield open_channel
    for connection in connections:
        if connection.is_open:
            connection.close()


def can_log_in(amqp: int, token: str) -> bool:
    credentials = pika.PlainCredentials("", token)
    try:
        pika.BlockingConnection(pika.ConnectionParameters("127.0.0.1", amqp, credentials=credentials)).close()
    except AMQPConnectionError:
        return False
    return True


def round_trip(channel) -> bytes:
    channel.queue_declare("lamps", auto_delete=True)
    channel.basic_publish("", "lamps", b"on")
    return channel.basic_get("lamps", auto_ack=True)[2]


@each_alg
def test_publishes_and_consumes(server, identity, channel_for, alg):
    assert round_trip(channel_for(server.token(identity))) == b"on"


@pytest.fixture
def refuses(channel_for):
    def refuses(token):
        with pytest.raises(AMQPConnectionError) as refused:
            channel_for(token)
        return "ACCESS_REFUSED" in repr(refused.value)

    return refuses


def test_keeps_out_without_token(refuses):
    assert refuses("")


def test_keeps_out_wrong_audience(server, identity, refuses):
    assert refuses(server.token(identity, audience="other-broker"))


@each_alg
def test_keeps_out_tampered(server, identity, refuses, alg):
    assert refuses(server.token(identity)[:-6] + "AAAAAA")


def test_keeps_out_expired(server, refuses):
    token = server.token(Identity("hasty-publisher", server.create_secret("hasty-publisher")))
    time.sleep(2.1)
    assert refuses(token)


def test_refuses_to_make_a_queue_without_the_scope(server, identity, channel_for):
    channel = channel_for(server.token(identity, scope=f"{READ} {WRITE}"))
    with pytest.raises(ChannelClosedByBroker, match="ACCESS_REFUSED"):
        channel.queue_declare("lamps", auto_delete=True)


def test_refuses_to_publish_without_the_scope(server, identity, channel_for):
    channel = channel_for(server.token(identity, scope=f"{CONFIGURE} {READ}"))
    channel.confirm_delivery()
    with pytest.raises(ChannelClosedByBroker, match="ACCESS_REFUSED"):
        channel.basic_publish("", "lamps", b"on")


def test_refuses_to_consume_without_the_scope(server, identity, channel_for):
    channel = channel_for(server.token(identity, scope=f"{CONFIGURE} {WRITE}"))
    channel.queue_declare("lamps", auto_delete=True)
    with pytest.raises(ChannelClosedByBroker, match="ACCESS_REFUSED"):
        channel.basic_get("lamps")
