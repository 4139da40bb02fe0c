"""Clients, unchanged, against the built server with an imported model: a tiny EmbeddingGemma 2 of random weights. Their checks are in clients/."""

from conftest import outcomes
from test_clients import SDKS, checks

# Module, version of google-genai.
CLIENTS = [*(("imported_genai", sdk) for sdk in (SDKS[0], SDKS[-1])), ("imported_openai", None), ("imported_qdrant", None), ("padded", None)]


def pytest_generate_tests(metafunc):
    metafunc.parametrize(
        "module,sdk,check", [(module, sdk, check) for module, sdk in CLIENTS for check in checks(module)],
        ids=lambda value: str(value) if value else "shared")


def test_client(imported_model, imported_server, padded_server, module, sdk, check):
    server = padded_server if module == "padded" else imported_server
    outcome = outcomes(module, sdk, server.url, imported_model)
    assert check in outcome, "the check did not run"
    assert outcome[check] is None, outcome[check]
