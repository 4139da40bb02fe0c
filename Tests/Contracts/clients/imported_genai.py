"""google-genai with an imported model in the hosted one's place."""

from google.genai import errors, types

from genai import MODEL, client, content, finished, media
from imported import DOCUMENT, NAME, PETS, QUERY, SIMILAR, SIZE, TOO_LARGE
from plain import CLIP, PDF, PNG, WAV, Raises, same, texts_to_vectors, unit, vector


def embed(url, contents, model=MODEL, **config):
    return client(url).models.embed_content(model=model, contents=contents, config=types.EmbedContentConfig(**config)).embeddings


def check_sizes_are_the_models_own(url):
    (whole,) = embed(url, "a sleepy kitten")
    assert len(whole.values) == SIZE
    same(whole.values, vector("a sleepy kitten"))
    for size in (1, 7, SIZE):
        (cut,) = embed(url, "a sleepy kitten", output_dimensionality=size)
        same(cut.values, vector("a sleepy kitten", dimensions=size))
        unit(cut.values)


def check_sizes_of_the_hosted_model_are_refused(url):
    for size in (SIZE + 1, 768, 3_072):
        with Raises(*TOO_LARGE, kind=errors.ClientError) as caught:
            embed(url, "a sleepy kitten", output_dimensionality=size)
        assert caught.error.code == 400 and caught.error.status == "INVALID_ARGUMENT"
    # The place is named where there are several.
    with Raises("requests[0]", *TOO_LARGE, kind=errors.ClientError):
        embed(url, [content("a"), content("b")], model="gemini-embedding-001", output_dimensionality=768)


def check_tasks_choose_the_models_prompts(url):
    text = "a sleepy kitten"
    for task, prompt in (
        ("RETRIEVAL_QUERY", QUERY), ("RETRIEVAL_DOCUMENT", DOCUMENT), ("SEMANTIC_SIMILARITY", SIMILAR),
        # It has none of its own for these; a question is a query.
        ("QUESTION_ANSWERING", QUERY), ("FACT_VERIFICATION", QUERY), ("CODE_RETRIEVAL_QUERY", QUERY), ("CLASSIFICATION", ""), ("CLUSTERING", ""),
    ):
        for model in (MODEL, "gemini-embedding-001", NAME):
            (found,) = embed(url, text, model=model, task_type=task)
            same(found.values, vector(prompt + text))
    assert vector(QUERY + text) != vector(text)
    (titled,) = embed(url, text, task_type="RETRIEVAL_DOCUMENT", title="Cats")
    same(titled.values, vector("title: Cats | text: " + text))


def check_lists_give_one_vector_each(url):
    found = embed(url, [content(text) for text in PETS], task_type="RETRIEVAL_DOCUMENT")
    for item, wanted in zip(found, texts_to_vectors([DOCUMENT + text for text in PETS]), strict=True):
        same(item.values, wanted)


def check_all_media_in_their_order(url):
    for parts in ((PNG,), (WAV,), (CLIP,), (PDF,), ("before ", PNG, " between ", WAV, CLIP, PDF)):
        wire = [types.Part(text=part) if isinstance(part, str) else media(part) for part in parts]
        (found,) = embed(url, types.Content(parts=wire))
        same(found.values, vector(*parts))


def check_tokens_are_counted(url):
    # Of the reference's 12 ids, two stand around every content.
    assert client(url).models.count_tokens(model=MODEL, contents="a sleepy kitten").total_tokens == 10
    assert client(url).models.count_tokens(model=NAME, contents=["a sleepy kitten", "a sleepy kitten"]).total_tokens == 20


def check_the_list_says_what_it_is(url):
    models = client(url).models
    names = [model.name for model in models.list()]
    assert {f"models/{MODEL}", "models/gemini-embedding-001", f"models/{NAME}"} <= set(names)
    own = models.get(model=NAME)
    assert own.input_token_limit == 8_192
    for words in ("embedding_gemma2", "text, image, audio, video, document", f"{SIZE} values", "Prompts: STS, document, query"):
        assert words in own.description, own.description


def check_errors_are_the_services(url):
    with Raises("contains an empty Part", kind=errors.ClientError):
        embed(url, "")
    with Raises("is not found for API version", kind=errors.ClientError) as caught:
        embed(url, "a", model="text-embedding-004")
    assert caught.error.code == 404
    with Raises(f"Did you mean models/{NAME}?", kind=errors.ClientError):
        embed(url, "a", model="tiny-gema")
    with Raises("embeds text only", kind=errors.ClientError):
        embed(url, [types.Content(parts=[media(PNG)])], model="gemini-embedding-001")
    with Raises("at most 100 requests", kind=errors.ClientError):
        embed(url, [content("a")] * 101)


def check_batch_jobs(url):
    this = client(url)
    job = finished(this, this.batches.create_embeddings(model=MODEL, src=types.EmbeddingsBatchJobSource(
        inlined_requests=types.EmbedContentBatch(
            contents=[content(text) for text in PETS], config=types.EmbedContentConfig(task_type="RETRIEVAL_DOCUMENT", output_dimensionality=8)))))
    assert job.state.name == "JOB_STATE_SUCCEEDED"
    wanted = texts_to_vectors([DOCUMENT + text for text in PETS], 8)
    for answer, values in zip(job.dest.inlined_embed_content_responses, wanted, strict=True):
        same(answer.response.embedding.values, values)
