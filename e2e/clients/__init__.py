"""Other people's client libraries behind one face, so that each test is written once.

An adapter calls its library as that library's documentation says, and adds nothing to what goes over the wire.
"""

import os
import pytest


class Refused(Exception):
    """The library itself understood the refusal, and tells this error code (RFC 6749 §5.2)."""

    def __init__(self, code: str):
        super().__init__(code)
        self.code = code


class Client:
    name: str
    methods = ("basic", "post")
    #: Whether it form-encodes both halves of the Basic header (RFC 6749 §2.3.1).
    encodes_basic = True
    #: The signature algorithms that it verifies as it comes.
    algs = frozenset({"ES256", "ES384", "EdDSA", "PS256", "RS256"})
    #: What else the library offers: metadata, introspect, revoke, verify.
    offers: frozenset[str] = frozenset()

    def ready(self) -> None:
        """Skips the test, visibly, if the toolchain is not there."""

    def token(self, server, identity, **parameters) -> dict:
        """The token response. `parameters`: scope, resource, audience."""
        raise NotImplementedError

    def metadata(self, server) -> dict:
        """The server's metadata, fetched, parsed and checked by the library."""
        raise NotImplementedError

    def introspect(self, server, identity, token) -> dict:
        raise NotImplementedError

    def revoke(self, server, identity, token) -> None:
        raise NotImplementedError

    def verify(self, server, token, audience) -> dict:
        """The claims of a JWT that the library verified against the JWKS; an exception if it refuses."""
        raise NotImplementedError


def unavailable(reason: str):
    """Skips, visibly; but where CI promised it, that is a failure."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"must run in CI: {reason}")
    pytest.skip(reason)
