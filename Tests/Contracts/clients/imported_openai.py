"""openai with an imported model."""

import base64

import openai

from imported import DOCUMENT, NAME, PETS, QUERY, SIZE, TOO_LARGE
from openai_client import MODEL, client
from plain import PNG, Raises, same, texts_to_vectors, vector


def check_sizes_are_the_models_own(url):
    for model in (MODEL, NAME):
        reply = client(url).embeddings.create(model=model, input=PETS)
        assert [len(item.embedding) for item in reply.data] == [SIZE] * 3
        for item, wanted in zip(reply.data, texts_to_vectors(PETS)):
            same(item.embedding, wanted)
    cut = client(url).embeddings.create(model=NAME, input="a sleepy kitten", dimensions=5, encoding_format="float")
    same(cut.data[0].embedding, vector("a sleepy kitten", dimensions=5))
    assert cut.usage.total_tokens == 10


def check_sizes_of_other_models_are_refused(url):
    for size in (256, 1_536, 3_072):
        with Raises(*TOO_LARGE, kind=openai.BadRequestError):
            client(url).embeddings.create(model=MODEL, input="a", dimensions=size)


def check_input_types_choose_the_prompts(url):
    for kind, prompt in (("query", QUERY), ("search_query", QUERY), ("document", DOCUMENT), ("passage", DOCUMENT)):
        reply = client(url).embeddings.create(model=NAME, input=PETS[0], extra_body={"input_type": kind})
        same(reply.data[0].embedding, vector(prompt + PETS[0]))


def check_pictures(url):
    picture = "data:image/png;base64," + base64.b64encode(PNG).decode()
    reply = client(url).embeddings.create(model=NAME, input=["a gray picture", picture])
    same(reply.data[1].embedding, vector(PNG))


def check_models(url):
    assert f"models/{NAME}" in [model.id for model in client(url).models.list()]
    assert client(url).models.retrieve(NAME).id == f"models/{NAME}"


def check_errors(url):
    with Raises("is not found", kind=openai.NotFoundError):
        client(url).embeddings.create(model="text-embedding-3-small", input="a")
    with Raises("token ids are not supported", kind=openai.BadRequestError):
        client(url).embeddings.create(model=NAME, input=[1, 2, 3])
