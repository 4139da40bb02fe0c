"""google-cloud-aiplatform, Vertex' own SDK: it asks for the model before it embeds with it."""

import vertexai
from google.auth.credentials import AnonymousCredentials
from vertexai.language_models import TextEmbeddingInput, TextEmbeddingModel

from plain import same, version1


def model(url, name="gemini-embedding-001"):
    vertexai.init(
        project="p", location="us-central1", api_endpoint=url, api_transport="rest", credentials=AnonymousCredentials())
    return TextEmbeddingModel.from_pretrained(name)


def check_list_and_size(url):
    embeddings = model(url).get_embeddings(["a", "b", "c"], output_dimensionality=64)
    assert len(embeddings) == 3
    for embedding, text in zip(embeddings, "abc"):
        same(embedding.values, version1(url, text, dimensions=64))
        assert embedding.statistics.token_count > 0 and not embedding.statistics.truncated


def check_tasks(url):
    embedding = model(url).get_embeddings([TextEmbeddingInput("a", "RETRIEVAL_DOCUMENT", "t")])[0]
    same(embedding.values, version1(url, "a", task="RETRIEVAL_DOCUMENT", title="t"))


def check_250_texts(url):
    texts = [f"text {number}" for number in range(250)]
    embeddings = model(url).get_embeddings(texts, output_dimensionality=8)
    assert len(embeddings) == 250
    same(embeddings[249].values, version1(url, texts[249], dimensions=8))


def check_count(url):
    assert model(url).count_tokens(["hello world"]).total_tokens > 0
