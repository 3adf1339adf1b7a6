"""The line that `grantor dev` prints, exactly as it stands."""

import json
import shutil
import subprocess

from clients import unavailable


def test_the_printed_line_gets_a_token(server):
    if shutil.which("curl") is None:
        unavailable("curl is not installed")
    done = subprocess.run(["sh", "-c", server.announced["curl"]], capture_output=True, check=True, timeout=20)
    answer = json.loads(done.stdout)
    assert answer["token_type"] == "Bearer"
    assert answer["access_token"].count(".") == 2
