"""Makes a tiny random model in the layout of sentence-transformers, and its vectors by that library: Tests/Fixtures/sentences.

Body, pooling, a dense layer, prompts and a tokenizer that was trained on nano_corpus.txt: all that `castor import` has to understand
before a text has the vector that it should. Vectors are computed in double precision.
"""

import json
import shutil
import sys
from pathlib import Path

import torch
import transformers as hub
from make_families import SEED, randomise
from sentence_transformers import SentenceTransformer
from sentence_transformers.base.modules import Dense, Normalize, Transformer
from sentence_transformers.sentence_transformer.modules import Pooling
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

HERE = Path(__file__).resolve().parent
TARGET = HERE.parent.parent / "Tests" / "Fixtures" / "sentences"
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
CONTEXT = 32

# What the vectors are of: the prompt's name, or none, and the text.
TEXTS = [
    (None, "a sleepy kitten"), ("query", "a sleepy kitten"), ("document", "a sleepy kitten"), (None, "x"),
    (None, "Größe, naïve café: 寝ている子猫 😀"), (None, "it isn't \t well-known\n\n(yet)"),
    ("query", "one two three four five six seven eight nine ten " * 5), (None, "the red car stands before the house"), (None, "\u0007\u0000"),
]


def tokenizer() -> hub.PreTrainedTokenizerFast:
    words = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    words.normalizer = normalizers.BertNormalizer(lowercase=True)
    words.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    words.decoder = decoders.WordPiece()
    words.train([str(HERE / "nano_corpus.txt")], trainers.WordPieceTrainer(vocab_size=300, special_tokens=SPECIAL, show_progress=False))
    words.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B [SEP]",
        special_tokens=[(name, words.token_to_id(name)) for name in ["[CLS]", "[SEP]"]])
    return hub.PreTrainedTokenizerFast(
        tokenizer_object=words, unk_token="[UNK]", pad_token="[PAD]", cls_token="[CLS]", sep_token="[SEP]", mask_token="[MASK]",
        model_max_length=CONTEXT)


def main(target: Path) -> None:
    torch.manual_seed(SEED)
    shutil.rmtree(target, ignore_errors=True)
    body = target / "body"
    names = tokenizer()
    names.save_pretrained(body)
    bert = hub.BertModel(
        hub.BertConfig(
            vocab_size=len(names), hidden_size=20, num_hidden_layers=2, num_attention_heads=2, intermediate_size=36,
            max_position_embeddings=64), add_pooling_layer=False)
    randomise(bert)
    bert.save_pretrained(body)
    transformer = Transformer(str(body), max_seq_length=CONTEXT)
    dense = Dense(20, 12, activation_function=torch.nn.Tanh())
    randomise(dense)
    model = SentenceTransformer(
        modules=[transformer, Pooling(20, pooling_mode="mean"), dense, Normalize()],
        prompts={"query": "query: ", "document": "title: none | text: "}, device="cpu")
    whole = target / "model"
    model.save_pretrained(str(whole), create_model_card=False)
    shutil.rmtree(body)
    model = model.double()
    golden = [
        {"task": task, "text": text, "vector": [float(f"{x:.10g}") for x in model.encode(text, prompt_name=task)]}
        for task, text in TEXTS]
    (target / "golden.json").write_text(json.dumps(golden, ensure_ascii=False) + "\n")
    for file in sorted(target.rglob("*")):
        if file.is_file():
            print(file.relative_to(target), file.stat().st_size)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else TARGET)
