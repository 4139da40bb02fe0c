"""Clients and a store that are made for the hosted model's 3,072 values, over an imported model behind `castor serve --pad-dimensions`."""

from google.genai import errors, types
from qdrant_client import QdrantClient, models

import openai_client
from genai import MODEL, client, content
from imported import HOSTED_SIZE, NAME, PETS, SIZE
from plain import Raises, same, texts_to_vectors, unit, vector


def embed(url, texts, **config):
    reply = client(url).models.embed_content(model=MODEL, contents=[content(text) for text in texts], config=types.EmbedContentConfig(**config))
    return [item.values for item in reply.embeddings]


def check_zeros_stand_behind_the_models_values(url):
    for size in (None, HOSTED_SIZE, 768):
        for values, wanted in zip(embed(url, PETS, output_dimensionality=size), texts_to_vectors(PETS), strict=True):
            assert len(values) == (size or HOSTED_SIZE)
            same(values[:SIZE], wanted)
            assert set(values[SIZE:]) == {0}
            unit(values)


def check_smaller_sizes_are_cut(url):
    (values,) = embed(url, PETS[:1], output_dimensionality=8)
    same(values, vector(PETS[0], dimensions=8))


def check_openai(url):
    # In base64, which it asks for by itself, and as numbers.
    for options in ({}, {"encoding_format": "float"}):
        reply = openai_client.client(url).embeddings.create(model=NAME, input=PETS, **options)
        for item, wanted in zip(reply.data, texts_to_vectors(PETS), strict=True):
            same(item.embedding, wanted + [0] * (HOSTED_SIZE - SIZE))


def check_more_than_the_hosted_model_has_is_refused(url):
    with Raises(f"must be between 1 and {HOSTED_SIZE}", kind=errors.ClientError):
        embed(url, PETS[:1], output_dimensionality=HOSTED_SIZE + 1)


def check_a_store_of_the_hosted_size_ranks_as_without_zeros(url):
    store = QdrantClient(":memory:")
    store.create_collection("hosted", models.VectorParams(size=HOSTED_SIZE, distance=models.Distance.COSINE))
    store.upsert("hosted", [models.PointStruct(id=index, vector=values) for index, values in enumerate(embed(url, PETS))])
    (query,) = embed(url, ["a sleepy kitten"])
    found = store.query_points("hosted", query=query, limit=3).points
    asked = vector("a sleepy kitten")
    cosines = [sum(a * b for a, b in zip(asked, values)) for values in texts_to_vectors(PETS)]
    assert [point.id for point in found] == sorted(range(3), key=lambda index: -cosines[index])
    same([point.score for point in found], sorted(cosines, reverse=True))
