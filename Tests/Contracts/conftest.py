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


@functools.cache
def outcomes(module, sdk, url):
    """Runs all checks of a client in a process of its own: {check: None or what went wrong}."""
    path = [str(ROOT / ".venv-contracts/sdks" / sdk)] if sdk else []
    # What a user's machine has set must not matter, and nothing may ask the network.
    environment = {n: v for n, v in os.environ.items() if not n.startswith(("GOOGLE_", "GEMINI_", "OPENAI_", "LITELLM_"))}
    environment |= {
        "CASTOR_PROGRAM": str(PROGRAM), "CASTOR_MODEL": str(NANO), "PYTHONPATH": os.pathsep.join(path), "GOOGLE_GEMINI_BASE_URL": url if "haystack" in module else "",
        "LITELLM_LOCAL_MODEL_COST_MAP": "True", "HAYSTACK_TELEMETRY_ENABLED": "False", "ANONYMIZED_TELEMETRY": "False",
        "LANGSMITH_TRACING": "false", "NO_PROXY": "127.0.0.1", "NLTK_DATA": tempfile.gettempdir()}
    environment = {n: v for n, v in environment.items() if v}
    run = subprocess.run(
        [sys.executable, str(HERE / "clients/run.py"), module, url], env=environment, cwd=HERE / "clients",
        capture_output=True, text=True, timeout=CLIENT_SECONDS)
    lines = [line[1:] for line in run.stdout.splitlines() if line.startswith("=")]
    if run.returncode or not lines:
        raise RuntimeError(f"{module} {sdk} ended with {run.returncode}:\n{run.stderr[-4000:]}")
    return json.loads(lines[-1])
