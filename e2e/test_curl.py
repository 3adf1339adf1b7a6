"""The line that `grantor dev` prints, exactly as it stands."""

import json
import shutil
import subprocess

import pytest

from clients import unavailable


@pytest.fixture(params=["plain_server", "server"], ids=["http", "https"])
def announced(request):
    if shutil.which("curl") is None:
        unavailable("curl is not installed")
    return request.getfixturevalue(request.param).announced


def test_the_printed_line_gets_a_token(announced):
    done = subprocess.run(["sh", "-c", announced["curl"]], capture_output=True, check=True, timeout=20)
    answer = json.loads(done.stdout)
    assert answer["token_type"] == "Bearer"
    assert answer["access_token"].count(".") == 2


def test_the_printed_line_gets_a_token_with_a_certificate(server):
    if shutil.which("curl") is None:
        unavailable("curl is not installed")
    mtls = server.announced["mtls"]
    done = subprocess.run(["sh", "-c", mtls["curl"]], capture_output=True, check=True, timeout=20)
    answer = json.loads(done.stdout)
    assert answer["token_type"] == "Bearer"
    assert server.metadata()["mtls_endpoint_aliases"]["token_endpoint"] == mtls["token_endpoint"]
    # The same request where nobody asks for a certificate.
    elsewhere = mtls["curl"].replace(mtls["token_endpoint"], f"{server.issuer}/connect/token")
    done = subprocess.run(["sh", "-c", elsewhere], capture_output=True, check=True, timeout=20)
    assert json.loads(done.stdout)["error"] == "invalid_client"
