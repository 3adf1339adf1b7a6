"""The example of a server for the Model Context Protocol, with the official SDK."""

import contextlib
import os
import subprocess
import sys

import requests

from grantor import ROOT, until

from . import end, free_ports


@contextlib.contextmanager
def mcp_server(server, url: str):
    """`url` is its address and its name in tokens."""
    environment = os.environ | {"GRANTOR_ISSUER": server.issuer, "MCP_URL": url, "SSL_CERT_FILE": server.ca}
    command = [sys.executable, ROOT / "examples/python/mcp_server.py"]
    process = subprocess.Popen(command, env=environment, start_new_session=True, stdin=subprocess.DEVNULL)
    try:

        def answers():
            if process.poll() is not None:
                raise RuntimeError("the MCP server ended")
            with contextlib.suppress(requests.ConnectionError):
                return requests.post(url, timeout=20).status_code == 401

        until("the MCP server", answers)
        yield url
    finally:
        end(process)


def free_url() -> str:
    return f"http://127.0.0.1:{free_ports(1)[0]}/mcp"
