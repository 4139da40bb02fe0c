"""lightrag-hku: `gemini_embed` has an option for the base URL."""

from lightrag.llm.gemini import gemini_embed
from lightrag.llm.openai import openai_embed

from plain import same, vector, version1


async def check_list_and_size(url):
    vectors = await gemini_embed.func(
        ["a", "b", "c"], model="gemini-embedding-001", base_url=url, api_key="test-key", embedding_dim=64)
    assert len(vectors) == 3
    for values, text in zip(vectors, "abc"):
        # It makes them of unit length itself.
        wanted = version1(url, text, dimensions=64, task="RETRIEVAL_DOCUMENT")
        length = sum(value * value for value in wanted) ** 0.5
        same(values, [value / length for value in wanted])


async def check_one(url):
    same((await gemini_embed.func(["hello"], model="gemini-embedding-2", base_url=url, api_key="test-key"))[0], vector("hello"))


async def check_version_2_fuses_silently(url):
    vectors = await gemini_embed.func(["a", "b", "c"], model="gemini-embedding-2", base_url=url, api_key="test-key")
    assert len(vectors) == 1
    same(vectors[0], vector("a", "b", "c"))


async def check_openai_face(url):
    vectors = await openai_embed.func(
        ["a", "b", "c"], model="gemini-embedding-2", base_url=f"{url}/v1beta/openai", api_key="test-key")
    assert len(vectors) == 3
    same(vectors[2], vector("c"))
