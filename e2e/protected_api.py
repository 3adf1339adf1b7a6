"""The example of a protected API, as its README starts it."""

import contextlib
import os
import pathlib
import re
import subprocess

from grantor import ROOT


@contextlib.contextmanager
def protected_api(environment: dict[str, str]):
    """On a port of its own; yields its URL."""
    # Of the whole workspace, as the test command builds it: otherwise dependencies are built anew with fewer features.
    build = ["cargo", "build", "--quiet", "--workspace", "--example", "protected_api"]
    subprocess.run(build, cwd=ROOT, check=True, timeout=600)
    settings = environment | {"LISTEN": "127.0.0.1:0"}
    target = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    path = target / "debug/examples/protected_api"
    process = subprocess.Popen([path], env=settings, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        said = process.stdout.readline()
        yield re.search(r"listens on (\S+)", said).group(1)
    finally:
        process.kill()
        process.wait()
