"""All of them."""

from .driver import Curl, Go, Nimbus, Node
from .python import Authlib, RequestsOauthlib

EVERYONE = [
    Authlib(),
    RequestsOauthlib(),
    Node("openid-client", {"token", "metadata", "introspect", "revoke"}),
    Node("oauth4webapi", {"token", "metadata", "introspect", "introspect_signed", "revoke", "verify"}),
    Node("jose", {"verify"}),
    Go(),
    Nimbus(),
    Curl(),
]


def offering(what: str):
    return [client for client in EVERYONE if what in client.offers]
