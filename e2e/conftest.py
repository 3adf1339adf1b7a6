import os

import pytest

from grantor import Dev

# oauthlib and Authlib want to be told that plain HTTP on loopback is meant.
os.environ["OAUTHLIB_INSECURE_TRANSPORT"] = "1"
os.environ["AUTHLIB_INSECURE_TRANSPORT"] = "1"


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    """One for all tests, which leave each other alone: each registers clients of its own. It speaks TLS."""
    grantor = Dev(tmp_path_factory.mktemp("grantor"), "--tls")
    yield grantor
    assert grantor.stop() == 0


@pytest.fixture(scope="session")
def plain_server(tmp_path_factory):
    """As `grantor dev` starts where nothing else is said."""
    grantor = Dev(tmp_path_factory.mktemp("grantor-plain"))
    yield grantor
    assert grantor.stop() == 0
