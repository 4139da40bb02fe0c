"""What the clients of an imported model come to, beside plain.py: the tiny EmbeddingGemma 2 of Tests/Fixtures/whole."""

NAME = "tiny-gemma"
SIZE = 24
"""Values of its vectors."""
HOSTED_SIZE = 3_072
QUERY, DOCUMENT, SIMILAR = "task: search result | query: ", "title: none | text: ", "task: sentence similarity | query: "
TOO_LARGE = (f"must be between 1 and {SIZE}", f"Vectors of {NAME} have {SIZE} values; castor serve --pad-dimensions adds zeros")
PETS = ["the cat sat on the mat", "rain over the harbour", "a recipe for bread"]
