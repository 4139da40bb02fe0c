"""langchain-google-genai: one request a text, with a task that has no effect on version 2."""

from langchain_google_genai import GoogleGenerativeAIEmbeddings

from plain import Raises, same, vector


def embeddings(url, **options):
    return GoogleGenerativeAIEmbeddings(model="gemini-embedding-2", api_key="test-key", base_url=url, **options)


def check_query(url):
    same(embeddings(url).embed_query("hello"), vector("hello"))


def check_documents_in_order(url):
    texts = [f"text {number}" for number in range(120)]
    vectors = embeddings(url).embed_documents(texts, output_dimensionality=64)
    assert len(vectors) == 120
    for number in (0, 1, 99, 100, 119):
        same(vectors[number], vector(texts[number], dimensions=64))


async def check_async(url):
    same(await embeddings(url).aembed_query("hello"), vector("hello"))


def check_error(url):
    with Raises("empty Part"):
        embeddings(url).embed_query("")
