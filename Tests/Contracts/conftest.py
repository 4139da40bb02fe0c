"""The built server, once for all tests, and the runner of the clients."""

import functools
import json
import os
import pathlib
import subprocess
import sys
import tempfile

import pytest

HERE = pathlib.Path(__file__).parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(ROOT / "tools/contracts"))
from server import NANO, PROGRAM, Server  # noqa: E402

# A bound against a hang, not a measure.
CLIENT_SECONDS = 1200


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    assert PROGRAM.exists(), "build the program first: make program"
    server = Server(tmp_path_factory.mktemp("data"))
    yield server
    assert server.is_alive, "the server has ended"
    assert server.stop() == 0


# Clients without an option for the base URL.
BY_ENVIRONMENT = ("haystack_client", "chroma_client", "mem0_client", "lancedb_client")


def pytest_addoption(parser):
    parser.addoption("--all-clients", action="store_true", help="also the clients that tools/contracts/setup --all installs")


@functools.cache
def outcomes(module, sdk, url):
    """Runs all checks of a client in a process of its own: {check: None or what went wrong}."""
    path = [str(ROOT / ".venv-contracts/sdks" / sdk)] if sdk else []
    # What a user's machine has set must not matter, and nothing may ask the network.
    environment = {
        n: v for n, v in os.environ.items()
        if not n.startswith(("GOOGLE_", "GEMINI_", "OPENAI_", "LITELLM_", "CHROMA_", "MEM0_", "AGNO_"))}
    environment |= {
        "CASTOR_PROGRAM": str(PROGRAM), "CASTOR_MODEL": str(NANO), "PYTHONPATH": os.pathsep.join(path),
        # Nobody phones home: there is no proxy.
        "HTTP_PROXY": "http://127.0.0.1:9", "HTTPS_PROXY": "http://127.0.0.1:9",
        "GOOGLE_GEMINI_BASE_URL": url if module in BY_ENVIRONMENT else "",
        "LITELLM_LOCAL_MODEL_COST_MAP": "True", "HAYSTACK_TELEMETRY_ENABLED": "False", "ANONYMIZED_TELEMETRY": "False",
        "MEM0_TELEMETRY": "False", "AGNO_TELEMETRY": "false", "GRAPHITI_TELEMETRY_ENABLED": "false", "MEM0_DIR": tempfile.gettempdir(),
        "POSTHOG_DISABLED": "1", "OTEL_SDK_DISABLED": "true", "DO_NOT_TRACK": "1",
        "LANGSMITH_TRACING": "false", "NO_PROXY": "127.0.0.1", "NLTK_DATA": tempfile.gettempdir()}
    environment = {n: v for n, v in environment.items() if v}
    run = subprocess.run(
        [sys.executable, str(HERE / "clients/run.py"), module, url], env=environment, cwd=HERE / "clients",
        capture_output=True, text=True, timeout=CLIENT_SECONDS)
    lines = [line[1:] for line in run.stdout.splitlines() if line.startswith("=")]
    if run.returncode or not lines:
        raise RuntimeError(f"{module} {sdk} ended with {run.returncode}:\n{run.stderr[-4000:]}")
    return json.loads(lines[-1])
