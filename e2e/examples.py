"""The examples in Rust, as their README starts them."""

import contextlib
import os
import pathlib
import re
import subprocess

from grantor import ROOT


def built(name: str) -> pathlib.Path:
    # Of the whole workspace, as the test command builds it: otherwise dependencies are built anew with fewer features.
    build = ["cargo", "build", "--quiet", "--workspace", "--example", name]
    subprocess.run(build, cwd=ROOT, check=True, timeout=600)
    target = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    return target / "debug/examples" / name


@contextlib.contextmanager
def protected_api(environment: dict[str, str]):
    """On a port of its own; yields its URL."""
    process = subprocess.Popen(
        [built("protected_api")],
        env=environment | {"LISTEN": "127.0.0.1:0"},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        said = process.stdout.readline()
        yield re.search(r"listens on (\S+)", said).group(1)
    finally:
        process.kill()
        process.wait()


def call_api(environment: dict[str, str]) -> list[str]:
    """What the example of a client says: about its token, and about its two calls."""
    done = subprocess.run([built("call_api")], env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()
