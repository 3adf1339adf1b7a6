"""RabbitMQ with its OAuth 2.0 plugin, which verifies JWTs by the JWKS and takes permissions from their scopes."""

import contextlib
import os
import pathlib
import shutil
import socket
import subprocess
from string import Template

from clients import unavailable
from grantor import until

from . import end, folder_of, free_ports, need

#: Not the one in PATH, which would become another user and use the system's folders.
PROGRAM = pathlib.Path("/usr/lib/rabbitmq/bin/rabbitmq-server")
USER = "rabbitmq"
START_S = 120


@contextlib.contextmanager
def rabbitmq(server):
    """Yields the port that speaks AMQP."""
    if not PROGRAM.exists():
        unavailable("RabbitMQ is not installed (Debian: apt-get install rabbitmq-server)")
    epmd = need("epmd", "erlang-base")
    user = USER if os.geteuid() == 0 else None
    amqp, epmd_port, distribution = free_ports(3)
    with folder_of(user) as folder:
        shutil.copy(server.ca, folder / "ca.pem")
        template = Template((pathlib.Path(__file__).parent / "rabbitmq.conf").read_text())
        text = template.substitute(folder=folder, amqp=amqp, issuer=server.issuer)
        (folder / "rabbitmq.conf").write_text(text)
        (folder / "enabled_plugins").write_text("[rabbitmq_auth_backend_oauth2].\n")
        if user:
            for path in [folder, *folder.rglob("*")]:
                shutil.chown(path, user, user)
        environment = {
            "PATH": os.environ["PATH"],
            "LANG": "C.UTF-8",
            "HOME": str(folder),
            "ERL_EPMD_PORT": str(epmd_port),
            "RABBITMQ_CONF_ENV_FILE": "/dev/null",
            "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq.conf"),
            "RABBITMQ_DIST_PORT": str(distribution),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "enabled_plugins"),
            "RABBITMQ_LOG_BASE": str(folder / "log"),
            "RABBITMQ_MNESIA_BASE": str(folder / "mnesia"),
            "RABBITMQ_NODENAME": "grantor-e2e@localhost",
            "RABBITMQ_PID_FILE": str(folder / "pid"),
        }
        output = folder / "output.log"
        options = {"env": environment, "cwd": folder, "user": user, "group": user, "start_new_session": True}
        options |= {"stdin": subprocess.DEVNULL, "stderr": subprocess.STDOUT}
        # Its own port mapper: otherwise Erlang would start one that outlives the test.
        mapper = subprocess.Popen([epmd, "-port", str(epmd_port), "-address", "127.0.0.1"], **options)
        try:
            with output.open("wb") as log:
                process = subprocess.Popen([PROGRAM], stdout=log, **options)

            def answers():
                if process.poll() is not None:
                    raise RuntimeError(f"rabbitmq-server ended:\n{output.read_text()}")
                with contextlib.suppress(ConnectionRefusedError):
                    socket.create_connection(("127.0.0.1", amqp), timeout=5).close()
                    return "completed with" in output.read_text()

            try:
                until("RabbitMQ", answers, START_S)
                yield amqp
            finally:
                end(process)
        finally:
            end(mapper)
