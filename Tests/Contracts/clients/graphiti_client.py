"""graphiti-core: a client of google-genai can be given to it."""

from google import genai
from graphiti_core.embedder.gemini import GeminiEmbedder, GeminiEmbedderConfig
from graphiti_core.embedder.openai import OpenAIEmbedder, OpenAIEmbedderConfig

from plain import same, vector, version1


def embedder(url, model, dimensions=64, **options):
    return GeminiEmbedder(
        GeminiEmbedderConfig(embedding_model=model, embedding_dim=dimensions),
        client=genai.Client(api_key="test-key", http_options={"base_url": url}), **options)


async def check_one_and_size(url):
    same(await embedder(url, "gemini-embedding-2").create("hello"), vector("hello", dimensions=64))


async def check_list(url):
    for options in ({}, {"batch_size": 100}):
        vectors = await embedder(url, "gemini-embedding-001", **options).create_batch(["a", "b", "c"])
        assert len(vectors) == 3
        for values, text in zip(vectors, "abc"):
            same(values, version1(url, text, dimensions=64))


async def check_version_2_fuses_silently(url):
    assert len(await embedder(url, "gemini-embedding-2").create_batch(["a", "b", "c"])) == 1


async def check_openai_face(url):
    vectors = await OpenAIEmbedder(OpenAIEmbedderConfig(
        embedding_model="gemini-embedding-2", embedding_dim=64, api_key="test-key", base_url=f"{url}/v1beta/openai"
    )).create_batch(["a", "b", "c"])
    assert len(vectors) == 3
    # It asks for the full size and cuts.
    same(vectors[2], vector("c")[:64])
