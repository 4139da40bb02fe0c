"""litellm: the Gemini API, with and without a version in the path, and the OpenAI face."""

import base64

import litellm

from plain import PNG, Raises, same, vector

PICTURE = "data:image/png;base64," + base64.b64encode(PNG).decode()


def embed(url, texts, model="gemini/gemini-embedding-2", base="/v1beta", **options):
    reply = litellm.embedding(model=model, input=texts, api_base=url + base, api_key="test-key", **options)
    return [item["embedding"] for item in reply.data]


def check_list_in_order_and_dimensions(url):
    vectors = embed(url, ["a", "b", "c"], dimensions=64)
    for values, text in zip(vectors, "abc"):
        same(values, vector(text, dimensions=64))


def check_without_a_version(url):
    same(embed(url, ["hello"], base="")[0], vector("hello"))


def check_text_and_image(url):
    vectors = embed(url, ["a picture", PICTURE])
    assert len(vectors) == 2
    same(vectors[1], vector(PNG))


def check_openai_face(url):
    same(embed(url, ["hello"], "openai/gemini-embedding-2", "/v1beta/openai")[0], vector("hello"))


def check_error(url):
    with Raises("is not found"):
        embed(url, ["a"], "gemini/text-embedding-004")


async def check_async(url):
    reply = await litellm.aembedding(
        model="gemini/gemini-embedding-2", input=["a", "b"], api_base=f"{url}/v1beta", api_key="test-key")
    same(reply.data[1]["embedding"], vector("b"))
