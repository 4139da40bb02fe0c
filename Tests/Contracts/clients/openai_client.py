"""openai: base64 by default, floats when asked."""

import openai

from plain import Raises, same, texts_to_vectors, vector

MODEL = "gemini-embedding-2"


def client(url, kind=openai.OpenAI):
    return kind(api_key="test-key", base_url=f"{url}/v1beta/openai/", max_retries=0)


def check_one_text(url):
    reply = client(url).embeddings.create(model=MODEL, input="hello")
    assert reply.model == MODEL and reply.usage.total_tokens > 0
    same(reply.data[0].embedding, vector("hello"))


def check_list_in_order_and_dimensions(url):
    texts = [f"text {number}" for number in range(30)]
    reply = client(url).embeddings.create(model=f"models/{MODEL}", input=texts, dimensions=64)
    assert [item.index for item in reply.data] == list(range(30))
    for item, wanted in zip(reply.data, texts_to_vectors(texts, 64)):
        same(item.embedding, wanted)


def check_floats(url):
    reply = client(url).embeddings.create(model=MODEL, input="hello", encoding_format="float")
    same(reply.data[0].embedding, vector("hello"))


async def check_async(url):
    reply = await client(url, openai.AsyncOpenAI).embeddings.create(model=MODEL, input=["a", "b"])
    same(reply.data[1].embedding, vector("b"))


def check_short_path(url):
    short = openai.OpenAI(api_key="k", base_url=f"{url}/v1")
    same(short.embeddings.create(model=MODEL, input="hello").data[0].embedding, vector("hello"))


def check_models(url):
    assert f"models/{MODEL}" in [model.id for model in client(url).models.list()]


def check_errors(url):
    with Raises(kind=openai.BadRequestError):
        client(url).embeddings.create(model=MODEL, input=[1, 2, 3])
    with Raises(kind=openai.NotFoundError):
        client(url).embeddings.create(model="text-embedding-3-small", input="a")
    with Raises("at most 100", kind=openai.BadRequestError):
        client(url).embeddings.create(model=MODEL, input=["a"] * 101)
