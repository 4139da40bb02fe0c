"""The built server, once for all tests, and the runner of the clients."""

import functools
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

import pytest

HERE = pathlib.Path(__file__).parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(ROOT / "tools/contracts"))
from server import NANO, PROGRAM, Server  # noqa: E402

SMALL = ROOT / "weights/castor-small"


# Tests of each file that passed and failed, and the seconds that they took.
results = {}


def pytest_report_teststatus(report):
    """A line a file instead of a dot a test."""
    if report.when != "call" and report.passed:
        return None
    return "error" if report.when != "call" and report.failed else report.outcome, "", ""


def pytest_runtest_logreport(report):
    passed, failed, seconds = results.get(report.fspath, (0, 0, 0))
    if report.failed:
        failed += 1
    elif report.when == "call" and report.passed:
        passed += 1
    results[report.fspath] = passed, failed, seconds + report.duration


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item, nextitem):
    done = yield
    if nextitem is None or nextitem.location[0] != item.location[0]:
        passed, failed, seconds = results[item.location[0]]
        count = passed + failed
        line = f"FAILED {failed} of {count}" if failed else f"{count} {'test' if count == 1 else 'tests'} passed"
        item.config.get_terminal_writer().line(f"{line}: {item.location[0]}, {seconds:.1f} s")
    return done


def pytest_sessionfinish():
    if path := os.environ.get("CASTOR_TEST_COUNT"):
        counts = [sum(result[which] for result in results.values()) for which in (0, 1)]
        pathlib.Path(path).write_text(f"{counts[0]} {counts[1]}\n")


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    assert PROGRAM.exists(), "build the program first: make program"
    server = Server(tmp_path_factory.mktemp("data"), "--index", small_index(tmp_path_factory.mktemp("index")))
    yield server
    ended_well(server)


def small_index(folder):
    """Of two files, made with the server's model."""
    (folder / "files").mkdir()
    (folder / "files/kitten.txt").write_text("a sleepy kitten\n")
    shutil.copy(ROOT / "Tests/Fixtures/media/scene.jpg", folder / "files")
    subprocess.run(
        [PROGRAM, "index", "--index", folder / "index", folder / "files"], check=True, capture_output=True,
        env={**os.environ, "CASTOR_MODEL": str(NANO)})
    return str(folder / "index")


def ended_well(server):
    assert server.is_alive, "the server has ended"
    assert server.stop() == 0


@pytest.fixture(scope="session")
def imported_model(tmp_path_factory):
    """The tiny EmbeddingGemma 2 of the fixtures as a user has it: imported."""
    folder = tmp_path_factory.mktemp("imported") / "model"
    subprocess.run([PROGRAM, "import", ROOT / "Tests/Fixtures/whole/model", folder, "--name", "tiny-gemma"], check=True, capture_output=True)
    return folder


@pytest.fixture(scope="session")
def imported_server(imported_model, tmp_path_factory):
    server = Server(tmp_path_factory.mktemp("data"), model=imported_model)
    yield server
    ended_well(server)


@pytest.fixture(scope="session")
def padded_server(imported_model, tmp_path_factory):
    server = Server(tmp_path_factory.mktemp("data"), "--pad-dimensions", model=imported_model)
    yield server
    ended_well(server)


@pytest.fixture(scope="session")
def small_server(tmp_path_factory):
    """With the model that users have, for what is worth searching."""
    server = Server(tmp_path_factory.mktemp("data"), model=SMALL)
    yield server
    ended_well(server)


# Clients without an option for the base URL.
BY_ENVIRONMENT = ("haystack_client", "chroma_client", "mem0_client", "lancedb_client")


def pytest_addoption(parser):
    parser.addoption("--all-clients", action="store_true", help="also the clients that tools/contracts/setup --all installs")


def environment(**own):
    """What clients run in. What a user's machine has set must not matter, and nothing may ask the network."""
    inherited = {
        n: v for n, v in os.environ.items()
        if not n.startswith(("GOOGLE_", "GEMINI_", "OPENAI_", "LITELLM_", "CHROMA_", "MEM0_", "AGNO_", "PG"))}
    quiet = {
        # Nobody phones home: there is no proxy.
        "HTTP_PROXY": "http://127.0.0.1:9", "HTTPS_PROXY": "http://127.0.0.1:9",
        "LITELLM_LOCAL_MODEL_COST_MAP": "True", "HAYSTACK_TELEMETRY_ENABLED": "False", "ANONYMIZED_TELEMETRY": "False",
        "MEM0_TELEMETRY": "False", "AGNO_TELEMETRY": "false", "GRAPHITI_TELEMETRY_ENABLED": "false", "MEM0_DIR": tempfile.gettempdir(),
        "POSTHOG_DISABLED": "1", "OTEL_SDK_DISABLED": "true", "DO_NOT_TRACK": "1",
        "LANGSMITH_TRACING": "false", "NO_PROXY": "127.0.0.1", "NLTK_DATA": tempfile.gettempdir()}
    return {n: v for n, v in (inherited | quiet | own).items() if v}


def last_line(run, what):
    """The JSON that a client's process printed last, after `=`."""
    lines = [line[1:] for line in run.stdout.splitlines() if line.startswith("=")]
    if run.returncode or not lines:
        raise RuntimeError(f"{what} ended with {run.returncode}:\n{run.stderr[-4000:]}")
    return json.loads(lines[-1])


@functools.cache
def outcomes(module, sdk, url, model=NANO):
    """Runs all checks of a client in a process of its own: {check: None or what went wrong}.

    `model` is the server's, for what the program makes of the same contents without a server.
    """
    path = [str(ROOT / ".venv-contracts/sdks" / sdk)] if sdk else []
    run = subprocess.run(
        [sys.executable, str(HERE / "clients/run.py"), module, url], cwd=HERE / "clients", capture_output=True, text=True,
        env=environment(
            CASTOR_PROGRAM=str(PROGRAM), CASTOR_MODEL=str(model), PYTHONPATH=os.pathsep.join(path),
            GOOGLE_GEMINI_BASE_URL=url if module in BY_ENVIRONMENT else ""))
    return last_line(run, f"{module} {sdk}")
