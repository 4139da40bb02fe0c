"""Real clients, unchanged, against the built server. Each client's checks are in clients/, and run in a process of its own."""

import pathlib
import re

from conftest import HERE, outcomes


SDKS = [line for line in (HERE / "sdks.txt").read_text().splitlines() if line and not line.startswith("#")]

# Module, and the version of google-genai that it runs on; nothing is the one that the others share.
CLIENTS = [*(("genai", sdk) for sdk in SDKS), ("openai_client", None), ("langchain_client", None), ("llamaindex_client", None),
           ("litellm_client", None), ("haystack_client", SDKS[-1]), ("pydanticai_client", None), ("mem0_client", None),
           ("agno_client", None), ("graphiti_client", None), ("lightrag_client", None), ("aiplatform_client", None)]

# Those that bring a database or as much besides: with --all-clients.
LARGE = [("chroma_client", None), ("lancedb_client", None), ("semantickernel_client", "semantic-kernel")]


def checks(module):
    text = pathlib.Path(HERE / f"clients/{module}.py").read_text()
    return re.findall(r"^(?:async )?def check_(\w+)\(", text, re.M)


def pytest_generate_tests(metafunc):
    clients = CLIENTS + (LARGE if metafunc.config.getoption("--all-clients") else [])
    metafunc.parametrize(
        "module,sdk,check", [(module, sdk, check) for module, sdk in clients for check in checks(module)],
        ids=lambda value: str(value) if value else "shared")


def test_client(server, module, sdk, check):
    outcome = outcomes(module, sdk, server.url)
    assert check in outcome, "the check did not run"
    assert outcome[check] is None, outcome[check]
