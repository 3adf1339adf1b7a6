"""A server for the Model Context Protocol as a protected resource, and the clients of the official SDKs, which learn from it
that Grantor issues its tokens, and get them with the client credentials grant."""

import os
import subprocess
import sys

import jwt
import pytest
import requests
from joserfc.jwk import ECKey

from clients import Refused
from clients.driver import DRIVERS, Node
from grantor import ROOT, Identity, Serve
from servers import free_ports
from servers.mcp import free_url, mcp_server
from test_stolen_tokens import proof

OTHER = "https://other.example.com/mcp"


@pytest.fixture(scope="module")
def grantor(server, tmp_path_factory):
    """Its metadata are as the SDKs insist."""
    data = server.log.parent / "data"
    certificate = str(data / "dev-cert.pem"), str(data / "dev-key.pem")
    (port,) = free_ports(1)
    settings = "[metadata]\nauthorization_placeholder = true"
    grantor = Serve(tmp_path_factory.mktemp("grantor-mcp"), server.ca, *certificate, port, settings)
    grantor.put_resource("other", identifier=OTHER, scope="read write")
    yield grantor
    assert grantor.stop() == 0


@pytest.fixture(scope="module")
def lamps(grantor):
    url = free_url()
    grantor.put_resource("lamps", identifier=url, scope="read write")
    with mcp_server(grantor, url) as running:
        yield running


def register(grantor, url: str, client_id: str, scope: str, method="client_secret_basic") -> None:
    grantor.put_client(client_id, resources=[url, OTHER], scope=scope, token_endpoint_auth_methods=[method])


def run(grantor, url: str, client_id: str, **settings: object) -> subprocess.CompletedProcess:
    """The example of a client."""
    environment = {"GRANTOR_ISSUER": grantor.issuer, "MCP_URL": url, "SSL_CERT_FILE": grantor.ca}
    environment |= {"GRANTOR_CLIENT_ID": client_id, **{name: str(value) for name, value in settings.items()}}
    command = [sys.executable, ROOT / "examples/python/mcp_client.py"]
    return subprocess.run(command, env=os.environ | environment, capture_output=True, text=True, timeout=60)


def test_python_with_a_secret(grantor, lamps):
    register(grantor, lamps, "mcp-secret", "read")
    done = run(grantor, lamps, "mcp-secret", GRANTOR_CLIENT_SECRET=grantor.create_secret("mcp-secret"))
    assert done.returncode == 0, done.stderr
    listed, added = done.stdout.splitlines()
    assert listed == "list_things: a lamp"
    assert added.startswith("add_thing: refused: ") and "write" in added


def test_python_with_private_key_jwt(grantor, lamps, tmp_path):
    """The SDK's assertions are for the issuer, so the client needs no allowance."""
    register(grantor, lamps, "mcp-key", "read", "private_key_jwt")
    key = ECKey.generate_key("P-256", {"alg": "ES256", "use": "sig"})
    grantor.admin("POST", "client/mcp-key/credential", {"jwks": {"keys": [key.as_dict(private=False)]}})
    file = tmp_path / "key.pem"
    file.write_bytes(key.as_pem(private=True))
    done = run(grantor, lamps, "mcp-key", GRANTOR_CLIENT_KEY=file)
    assert done.returncode == 0, done.stderr
    assert "list_things: a lamp" in done.stdout

    stranger = tmp_path / "stranger.pem"
    stranger.write_bytes(ECKey.generate_key("P-256").as_pem(private=True))
    done = run(grantor, lamps, "mcp-key", GRANTOR_CLIENT_KEY=stranger)
    assert done.returncode != 0 and "invalid_client" in done.stderr


def test_python_is_told_why_it_gets_no_token(grantor, lamps):
    """The SDK asks for the scope that the MCP server requires, and for the MCP server as resource."""
    register(grantor, lamps, "mcp-writer", "write")
    secret = grantor.create_secret("mcp-writer")
    done = run(grantor, lamps, "mcp-writer", GRANTOR_CLIENT_SECRET=secret)
    assert done.returncode != 0 and "invalid_scope" in done.stderr
    done = run(grantor, lamps, "mcp-writer", GRANTOR_CLIENT_SECRET="wrong")
    assert done.returncode != 0 and "invalid_client" in done.stderr
    grantor.put_client("mcp-elsewhere", resources=[OTHER], scope="read")
    done = run(grantor, lamps, "mcp-elsewhere", GRANTOR_CLIENT_SECRET=grantor.create_secret("mcp-elsewhere"))
    assert done.returncode != 0 and "invalid_target" in done.stderr


@pytest.fixture(scope="module")
def typescript():
    sdk = Node("mcp", set())
    sdk.artefact = DRIVERS / "node/node_modules/@modelcontextprotocol/sdk"
    sdk.ready()

    def call_tool(grantor, url: str, identity: Identity, tool: str, arguments: dict, **more: object) -> tuple[bool, str]:
        answer = sdk.call("call_tool", grantor, identity, url=url, tool=tool, arguments=arguments, **more)
        return answer.get("isError", False), answer["content"][0]["text"]

    return call_tool


def test_typescript_with_a_secret(grantor, lamps, typescript):
    register(grantor, lamps, "mcp-ts", "read write")
    identity = Identity("mcp-ts", grantor.create_secret("mcp-ts"))
    assert typescript(grantor, lamps, identity, "list_things", {}) == (False, "a lamp")
    # It asks for the scope that it is given, whatever the server requires; without one it gets what the client may have.
    chair = {"thing": "a chair"}
    assert typescript(grantor, lamps, identity, "add_thing", chair) == (False, "mcp-ts added a chair")
    failed, said = typescript(grantor, lamps, identity, "add_thing", chair, scope="read")
    assert failed and "write" in said
    with pytest.raises(Refused, match="invalid_client"):
        typescript(grantor, lamps, Identity("mcp-ts", "wrong"), "list_things", {})
    grantor.put_client("mcp-ts-elsewhere", resources=[OTHER], scope="read")
    elsewhere = Identity("mcp-ts-elsewhere", grantor.create_secret("mcp-ts-elsewhere"))
    with pytest.raises(Refused, match="invalid_target"):
        typescript(grantor, lamps, elsewhere, "list_things", {})


def test_typescript_with_private_key_jwt(grantor, lamps, typescript):
    register(grantor, lamps, "mcp-ts-key", "read", "private_key_jwt")
    key, other = (ECKey.generate_key("P-256", {"alg": "ES256"}).as_dict(private=True) for _ in range(2))
    public = {name: value for name, value in key.items() if name != "d"}
    grantor.admin("POST", "client/mcp-ts-key/credential", {"jwks": {"keys": [public]}})
    identity = Identity("mcp-ts-key", "", "private_key_jwt")
    assert typescript(grantor, lamps, identity, "list_things", {}, jwk=key) == (False, "a lamp")
    with pytest.raises(Refused, match="invalid_client"):
        typescript(grantor, lamps, identity, "list_things", {}, jwk=other)


def call(url: str, token: str | None) -> requests.Response:
    headers = {"Accept": "application/json, text/event-stream"}
    headers |= {} if token is None else {"Authorization": f"Bearer {token}"}
    body = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "list_things", "arguments": {}}}
    return requests.post(url, json=body, headers=headers, timeout=20)


def refused(answer: requests.Response, status: int, code: str) -> bool:
    return answer.status_code == status and f'error="{code}"' in answer.headers["WWW-Authenticate"]


def test_the_server_keeps_out(grantor, lamps):
    register(grantor, lamps, "mcp-caller", "read write", "client_secret_post")
    caller = Identity("mcp-caller", grantor.create_secret("mcp-caller"))
    good = grantor.token(caller, resource=lamps, scope="read")
    assert not {401, 403} & {call(lamps, good).status_code}

    without = call(lamps, None)
    assert refused(without, 401, "invalid_token")
    metadata = without.headers["WWW-Authenticate"].partition('resource_metadata="')[2].rstrip('"')
    told = requests.get(metadata, timeout=20).json()
    assert (told["resource"], told["authorization_servers"]) == (lamps, [grantor.issuer])

    elsewhere = grantor.token(caller, resource=OTHER, scope="read")
    assert refused(call(lamps, elsewhere), 401, "invalid_token"), "for another audience"
    narrow = grantor.token(caller, resource=lamps, scope="write")
    assert refused(call(lamps, narrow), 403, "insufficient_scope")
    header, claims, signature = good.split(".")
    forged = jwt.encode(jwt.decode(good, options={"verify_signature": False}), "k" * 32, "HS256")
    for broken in [f"{header}.{claims}.{signature[::-1]}", f"{header}.{claims}.", forged, "nothing of the kind"]:
        assert refused(call(lamps, broken), 401, "invalid_token"), broken


def test_a_bound_token_is_not_for_this_server(grantor, lamps):
    """The SDK compares no proofs, so it could not tell the owner from a thief."""
    grantor.put_client("mcp-bound", resources=[lamps], scope="read", dpop_bound_access_tokens=True)
    key = ECKey.generate_key("P-256", auto_kid=False)
    endpoint = grantor.metadata()["token_endpoint"]
    answer = grantor.session.post(
        endpoint,
        data={"grant_type": "client_credentials"},
        auth=("mcp-bound", grantor.create_secret("mcp-bound")),
        headers={"DPoP": proof(key, "POST", endpoint)},
        timeout=10,
    ).json()
    assert answer["token_type"] == "DPoP"
    assert refused(call(lamps, answer["access_token"]), 401, "invalid_token")
