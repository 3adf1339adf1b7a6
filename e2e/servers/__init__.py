"""Protected resources that nobody here wrote: Debian's packages, with configuration folders of their own.

Each runs as a child of the test, on ports picked at run time; the system's own services are left alone.
"""

import contextlib
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile

from clients import unavailable

STOP_S = 20


def need(program: str, package: str) -> str:
    """The path of a program, which may be where only root's PATH looks."""
    found = shutil.which(program, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
    if found is None:
        unavailable(f"{program} is not installed (Debian: apt-get install {package})")
    return found


def free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


@contextlib.contextmanager
def folder_of(user: str | None):
    """A folder that the server's own user may read and write."""
    path = pathlib.Path(tempfile.mkdtemp(prefix="grantor-e2e-"))
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


def end(process: subprocess.Popen) -> None:
    """Ends a server and whatever it started, which share a session of their own."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
    try:
        process.wait(STOP_S)
    except subprocess.TimeoutExpired:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
