"""llama-index-embeddings-google-genai."""

from google.genai.types import HttpOptions
from llama_index.embeddings.google_genai import GoogleGenAIEmbedding

from plain import same, vector


def embedding(url):
    return GoogleGenAIEmbedding(
        model_name="gemini-embedding-2", api_key="test-key", http_options=HttpOptions(base_url=url))


def check_query(url):
    same(embedding(url).get_query_embedding("hello"), vector("hello"))


def check_texts_in_order(url):
    vectors = embedding(url).get_text_embedding_batch(["a", "b", "c"])
    assert len(vectors) == 3
    for values, text in zip(vectors, "abc"):
        same(values, vector(text))


async def check_async(url):
    same(await embedding(url).aget_query_embedding("hello"), vector("hello"))
