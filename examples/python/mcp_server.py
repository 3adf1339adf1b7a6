"""An MCP server that lets in who has a token of Grantor for it: with the official SDK, and PyJWT to check tokens.

    pip install -r requirements-mcp.txt
    python mcp_server.py
"""

import asyncio
import os
from urllib.parse import urlsplit

import httpx2
import jwt
from mcp.server.auth.middleware.auth_context import get_access_token
from mcp.server.auth.provider import AccessToken, TokenVerifier
from mcp.server.auth.settings import AuthSettings
from mcp.server.mcpserver import MCPServer
from mcp.server.mcpserver.exceptions import ToolError

ISSUER = os.environ.get("GRANTOR_ISSUER", "http://127.0.0.1:8080")
# Its address, and its name in tokens (`aud`).
URL = os.environ.get("MCP_URL", "http://127.0.0.1:3000/mcp")
# The resource's `access_token_signing_alg`. What the token itself says does not count.
ALG = os.environ.get("ALG", "ES256")


class Grantor(TokenVerifier):
    """RFC 9068 section 4, without a request per token."""

    def __init__(self):
        metadata = httpx2.get(f"{ISSUER}/.well-known/oauth-authorization-server").json()
        assert metadata["issuer"] == ISSUER, "this is another issuer's metadata"
        self.keys = jwt.PyJWKClient(metadata["jwks_uri"], lifespan=900)

    async def verify_token(self, token: str) -> AccessToken | None:
        try:
            # Fetches the keys when it has to, and blocks meanwhile.
            key = await asyncio.to_thread(self.keys.get_signing_key_from_jwt, token)
            needed = {"require": ["iss", "aud", "exp", "client_id"]}
            verified = jwt.decode_complete(token, key, [ALG], options=needed, audience=URL, issuer=ISSUER)
        except jwt.PyJWKClientConnectionError:
            raise  # No keys, no answer: that is not the caller's fault.
        except jwt.PyJWTError:
            return None
        header, claims = verified["header"], verified["payload"]
        # A token that is bound to a key (`cnf`) is a thief's as far as the SDK can tell: it compares none.
        if header.get("typ") != "at+jwt" or "cnf" in claims:
            return None
        return AccessToken(
            token=token,
            client_id=claims["client_id"],
            scopes=claims.get("scope", "").split(),
            expires_at=claims["exp"],
            resource=URL,
            subject=claims.get("sub"),
            claims=claims,
        )


server = MCPServer(
    "lamps",
    token_verifier=Grantor(),
    # The SDK publishes this as RFC 9728 metadata, from which clients learn where to get tokens, and for what.
    auth=AuthSettings(
        issuer_url=ISSUER, resource_server_url=URL, required_scopes=["read"], validate_token_resource=True
    ),
)


@server.tool()
def list_things() -> list[str]:
    """What there is. Every caller may know."""
    return ["a lamp"]


@server.tool()
def add_thing(thing: str) -> str:
    """Needs a scope of its own."""
    caller = get_access_token()
    if "write" not in caller.scopes:
        raise ToolError("needs the scope write")
    return f"{caller.client_id} added {thing}"


if __name__ == "__main__":
    address = urlsplit(URL)
    server.run("streamable-http", host=address.hostname, port=address.port, streamable_http_path=address.path)
