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
