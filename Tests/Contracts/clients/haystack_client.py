"""google-genai-haystack, which finds the server by the environment."""

from haystack import Document
from haystack.utils import Secret
from haystack_integrations.components.embedders.google_genai import (
    GoogleGenAIDocumentEmbedder, GoogleGenAITextEmbedder)

from plain import same, vector

OPTIONS = {"model": "gemini-embedding-2", "api_key": Secret.from_token("test-key")}


def check_text(url):
    same(GoogleGenAITextEmbedder(**OPTIONS).run("hello")["embedding"], vector("hello"))


def check_documents(url):
    documents = [Document(content=text) for text in "abc"]
    embedded = GoogleGenAIDocumentEmbedder(**OPTIONS).run(documents)["documents"]
    assert len(embedded) == 3
    for document, text in zip(embedded, "abc"):
        same(document.embedding, vector(text))


async def check_async(url):
    same((await GoogleGenAITextEmbedder(**OPTIONS).run_async("hello"))["embedding"], vector("hello"))
