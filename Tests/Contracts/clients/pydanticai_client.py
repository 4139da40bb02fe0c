"""pydantic-ai, which writes the prompts of version 2 itself."""

from pydantic_ai import Embedder
from pydantic_ai.embeddings.google import GoogleEmbeddingModel
from pydantic_ai.providers.google import GoogleProvider

from plain import Raises, same, vector


def embedder(url):
    return Embedder(GoogleEmbeddingModel("gemini-embedding-2", provider=GoogleProvider(api_key="test-key", base_url=url)))


async def check_query(url):
    result = await embedder(url).embed_query("hello")
    same(result.embeddings[0], vector("task: search result | query: hello"))


async def check_documents(url):
    result = await embedder(url).embed_documents(["a", "b"], settings={"dimensions": 64})
    assert len(result.embeddings) == 2
    same(result.embeddings[1], vector("title: none | text: b", dimensions=64))


async def check_tokens(url):
    assert await embedder(url).count_tokens("hello world") > 0


async def check_error(url):
    with Raises("output_dimensionality"):
        await embedder(url).embed_documents(["a"], settings={"dimensions": 4000})
