"""The examples, run as their README says, against the real binary."""

import os
import shutil
import subprocess
import sys

import pytest

from examples import call_api, protected_api
from grantor import ROOT

EXAMPLES = ROOT / "examples"
NODE_MODULES = ROOT / "e2e/drivers/node/node_modules"


@pytest.fixture(scope="module")
def environment(plain_server):
    """The demo client's."""
    demo = plain_server.announced
    names = {"GRANTOR_ISSUER": "issuer", "GRANTOR_CLIENT_ID": "client_id", "GRANTOR_CLIENT_SECRET": "client_secret"}
    return os.environ | {variable: demo[name] for variable, name in names.items()}


@pytest.fixture
def api(environment):
    with protected_api(environment) as url:
        yield environment | {"API_URL": url}


def run(command, environment, **options):
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, **options)
    return done.returncode, done.stdout, done.stderr


def test_curl(environment):
    script = EXAMPLES / "get-token.sh"
    code, out, _ = run([script, "scope=read"], environment)
    assert code == 0 and '"access_token":"' in out and '"scope":"read"' in out
    code, out, _ = run([script], environment | {"GRANTOR_CLIENT_SECRET": "wrong"})
    assert code != 0 and '"error":"invalid_client"' in out


def test_python(api):
    code, out, error = run([sys.executable, EXAMPLES / "python/client.py"], api)
    assert code == 0, error
    assert "200 ['a lamp']" in out and 'scope="write"' in out


def test_rust(api):
    token, listed, added = call_api(api)
    assert token.startswith("a Bearer token for ")
    assert listed == '200 ["a lamp"]' and added.startswith("403 ") and 'scope="write"' in added


@pytest.mark.skipif(not shutil.which("node") or not NODE_MODULES.is_dir(), reason="Node.js or its packages are missing")
def test_node(api):
    # From standard input, so that packages are found where e2e/prepare put them.
    source = (EXAMPLES / "node/client.mjs").read_text()
    code, out, error = run(["node", "--input-type=module"], api, input=source, cwd=NODE_MODULES.parent)
    assert code == 0, error
    assert "200 [ 'a lamp' ]" in out and 'scope="write"' in out
