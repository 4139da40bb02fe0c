"""semantic-kernel: a client of google-genai can be given to it."""

from google import genai
from openai import AsyncOpenAI
from semantic_kernel.connectors.ai.google.google_ai import GoogleAIEmbeddingPromptExecutionSettings, GoogleAITextEmbedding
from semantic_kernel.connectors.ai.open_ai import OpenAITextEmbedding

from plain import same, vector, version1

SIZE = GoogleAIEmbeddingPromptExecutionSettings(output_dimensionality=64)


def embedder(url, model):
    return GoogleAITextEmbedding(
        embedding_model_id=model, api_key="test-key",
        client=genai.Client(api_key="test-key", http_options={"base_url": url}))


async def check_one_and_size(url):
    same((await embedder(url, "gemini-embedding-2").generate_embeddings(["hello"], SIZE))[0], vector("hello", dimensions=64))


async def check_list(url):
    vectors = await embedder(url, "gemini-embedding-001").generate_embeddings(["a", "b", "c"], SIZE)
    assert len(vectors) == 3
    for values, text in zip(vectors, "abc"):
        same(values, version1(url, text, dimensions=64))


async def check_version_2_fuses_silently(url):
    assert len(await embedder(url, "gemini-embedding-2").generate_embeddings(["a", "b", "c"], SIZE)) == 1


async def check_openai_face(url):
    openai = OpenAITextEmbedding(
        ai_model_id="gemini-embedding-2", async_client=AsyncOpenAI(api_key="test-key", base_url=f"{url}/v1beta/openai"))
    vectors = await openai.generate_embeddings(["a", "b", "c"])
    assert len(vectors) == 3
    same(vectors[2], vector("c"))
