"""Calls a tool of a protected MCP server. The official SDK gets the token: from the server it learns who issues tokens.

    pip install -r requirements-mcp.txt
    python mcp_client.py
"""

import asyncio
import os
import pathlib

import httpx2
from mcp import Client
from mcp.client.auth.extensions.client_credentials import (
    ClientCredentialsOAuthProvider,
    PrivateKeyJWTOAuthProvider,
    SignedJWTParameters,
)
from mcp.client.streamable_http import streamable_http_client

ISSUER = os.environ.get("GRANTOR_ISSUER", "http://127.0.0.1:8080")
URL = os.environ.get("MCP_URL", "http://127.0.0.1:3000/mcp")
CLIENT_ID = os.environ["GRANTOR_CLIENT_ID"]


class Memory:
    """Where the SDK keeps its token. A file would spare requests when a program is often started."""

    tokens = None

    async def get_tokens(self):
        return self.tokens

    async def set_tokens(self, tokens):
        self.tokens = tokens

    async def get_client_info(self):
        return None

    async def set_client_info(self, client_info):
        pass


def provider():
    # `issuer`: the credentials go nowhere else, whatever the MCP server says.
    common = {"server_url": URL, "storage": Memory(), "client_id": CLIENT_ID, "issuer": ISSUER}
    if key := os.environ.get("GRANTOR_CLIENT_KEY"):
        signing_key = pathlib.Path(key).read_text()
        assertions = SignedJWTParameters(
            issuer=CLIENT_ID, subject=CLIENT_ID, signing_key=signing_key, signing_algorithm="ES256", lifetime_seconds=60
        )
        return PrivateKeyJWTOAuthProvider(assertion_provider=assertions.create_assertion_provider(), **common)
    return ClientCredentialsOAuthProvider(client_secret=os.environ["GRANTOR_CLIENT_SECRET"], **common)


async def main():
    # A tool may take its time to answer.
    timeout = httpx2.Timeout(30, read=300)
    async with httpx2.AsyncClient(auth=provider(), timeout=timeout) as http:
        async with Client(streamable_http_client(URL, http_client=http)) as client:
            for name, arguments in [("list_things", {}), ("add_thing", {"thing": "a chair"})]:
                answer = await client.call_tool(name, arguments)
                said = " ".join(content.text for content in answer.content)
                print(f"{name}: {'refused: ' if answer.is_error else ''}{said}")


asyncio.run(main())
