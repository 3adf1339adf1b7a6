import os

import pytest

from grantor import Grantor

# The servers here speak plain HTTP on loopback where a test does not say TLS; oauthlib wants to be told that this is meant.
os.environ["OAUTHLIB_INSECURE_TRANSPORT"] = "1"
os.environ["AUTHLIB_INSECURE_TRANSPORT"] = "1"


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    """One for all tests that leave each other alone: each registers clients of its own."""
    grantor = Grantor(tmp_path_factory.mktemp("grantor"))
    yield grantor
    assert grantor.stop() == 0
