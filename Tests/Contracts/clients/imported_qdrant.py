"""A vector store, qdrant in this process, over an imported model: documents and queries with their prompts."""

from google.genai import types
from qdrant_client import QdrantClient, models

from genai import MODEL, client, content
from imported import DOCUMENT, PETS, QUERY, SIZE
from plain import same, texts_to_vectors, vector


def embed(url, texts, task):
    config = types.EmbedContentConfig(task_type=task)
    return [item.values for item in client(url).models.embed_content(model=MODEL, contents=[content(text) for text in texts], config=config).embeddings]


def check_search(url):
    store = QdrantClient(":memory:")
    store.create_collection("pets", models.VectorParams(size=SIZE, distance=models.Distance.COSINE))
    store.upsert("pets", [
        models.PointStruct(id=index, vector=values, payload={"text": PETS[index]})
        for index, values in enumerate(embed(url, PETS, "RETRIEVAL_DOCUMENT"))])
    (query,) = embed(url, ["bread"], "RETRIEVAL_QUERY")
    found = store.query_points("pets", query=query, limit=3).points
    # The order is that of the cosines of the program's own vectors.
    asked = vector(QUERY + "bread")
    cosines = [sum(a * b for a, b in zip(asked, values)) for values in texts_to_vectors([DOCUMENT + text for text in PETS])]
    assert [point.id for point in found] == sorted(range(3), key=lambda index: -cosines[index])
    same([point.score for point in found], sorted(cosines, reverse=True))
