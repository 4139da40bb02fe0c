"""Makes tiny random static tables and the vectors that their own libraries give: Tests/Fixtures/static.

model2vec as it comes, with a vocabulary of fewer vectors than tokens and weights, and in bytes; the static embedding of sentence-transformers,
which keeps unknown tokens. The tokenizer was trained on nano_corpus.txt.
"""

import json
import shutil
import sys
from pathlib import Path

import numpy as np
from make_sentences import SPECIAL
from model2vec import StaticModel
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import StaticEmbedding
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors, trainers

HERE = Path(__file__).resolve().parent
TARGET = HERE.parent.parent / "Tests" / "Fixtures" / "static"
WIDTH = 12
# The last ones are longer than the models look: in tokens, in characters of long tokens, and with an unknown token where the cut is.
TEXTS = [
    "a sleepy kitten", "x", "Größe, naïve café: 寝ている子猫 😀 kitten", "it isn't \t well-known\n\n(yet)", "😀 red 😀 car",
    "the red car stands before the house and the kitten", "a b c d e f g h i j k l m n o p q r s t u v w x y z",
    "something sleepy stands before something else " * 6, "a b c d e f g h i j k l m n 😀 😀 😀 p q r s t u v w x y z",
]


def tokenizer() -> Tokenizer:
    words = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    words.normalizer = normalizers.BertNormalizer(lowercase=True)
    words.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    words.train([str(HERE / "nano_corpus.txt")], trainers.WordPieceTrainer(vocab_size=300, special_tokens=SPECIAL, show_progress=False))
    # Static tables leave these out.
    words.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[(name, words.token_to_id(name)) for name in ["[CLS]", "[SEP]"]])
    return words


def main(target: Path) -> None:
    shutil.rmtree(target, ignore_errors=True)
    words = tokenizer()
    count = words.get_vocab_size()
    random = np.random.default_rng(20261129)
    table = random.normal(size=(count, WIDTH)).astype(np.float32)
    places = random.integers(0, 40, size=count)
    weights = random.uniform(0.1, 2, size=count)
    config = {"model_type": "model2vec", "architectures": ["StaticModel"], "normalize": True}
    own = {
        "model2vec": StaticModel(table, words, config, normalize=True, max_length=16),
        "model2vec-quantized": StaticModel(
            table[:40], words, config, normalize=True, weights=weights, token_mapping=places, max_length=None),
        "model2vec-bytes": StaticModel((table * 40).clip(-127, 127).astype(np.int8), words, config, normalize=True),
    }
    golden = {}
    for name, model in own.items():
        model.save_pretrained(target / name)
        (target / name / "README.md").unlink(missing_ok=True)
        read = StaticModel.from_pretrained(target / name)
        golden[name] = [read.encode(text).tolist() for text in TEXTS]
    whole = SentenceTransformer(modules=[StaticEmbedding(words, embedding_weights=table)], device="cpu")
    whole.save_pretrained(str(target / "sentences"), create_model_card=False)
    read = SentenceTransformer(str(target / "sentences"), device="cpu")
    golden["sentences"] = [read.encode(text, normalize_embeddings=True).tolist() for text in TEXTS]
    (target / "golden.json").write_text(json.dumps({"texts": TEXTS, "vectors": golden}, ensure_ascii=False) + "\n")
    for file in sorted(target.rglob("*")):
        if file.is_file():
            print(file.relative_to(target), file.stat().st_size)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else TARGET)
