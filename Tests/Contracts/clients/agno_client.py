"""agno: `client_params` go to google-genai."""

from agno.knowledge.embedder.google import GeminiEmbedder
from agno.knowledge.embedder.openai import OpenAIEmbedder

from plain import same, vector, version1


def embedder(url, model, dimensions=64):
    return GeminiEmbedder(
        id=model, api_key="test-key", dimensions=dimensions, client_params={"http_options": {"base_url": url}})


def check_one_and_size(url):
    same(embedder(url, "gemini-embedding-2").get_embedding("hello"), vector("hello", dimensions=64))
    same(
        embedder(url, "gemini-embedding-001").get_embedding("hello"),
        version1(url, "hello", dimensions=64, task="RETRIEVAL_QUERY"))


async def check_list(url):
    vectors, _ = await embedder(url, "gemini-embedding-001").async_get_embeddings_batch_and_usage(["a", "b", "c"])
    assert len(vectors) == 3
    for values, text in zip(vectors, "abc"):
        same(values, version1(url, text, dimensions=64, task="RETRIEVAL_QUERY"))


async def check_version_2_fuses(url):
    vectors, _ = await embedder(url, "gemini-embedding-2").async_get_embeddings_batch_and_usage(["a", "b", "c"])
    assert [len(values) for values in vectors] == [64, 0, 0]


def check_openai_face(url):
    openai = OpenAIEmbedder(
        id="gemini-embedding-2", dimensions=64, api_key="test-key", base_url=f"{url}/v1beta/openai")
    same(openai.get_embedding("hello"), vector("hello", dimensions=64))
