"""Makes the untrained test model, Tests/Fixtures/castor-nano, the same bytes every time."""

import io
import json
import math
import sys
from pathlib import Path

import numpy as np
import sentencepiece
import torch
from safetensors.numpy import save

from model import Castor

HERE = Path(__file__).resolve().parent
SEED = 20260311

CONFIG = """{
  "format": "castor-1", "name": "castor-nano",
  "width": 32, "heads": 2, "mlp_width": 128, "norm_epsilon": 1e-6, "max_tokens": 8192,
  "output_dimensions": 3072, "matryoshka_dimensions": [3072, 1536, 768, 512, 256, 128],
  "text":    {"blocks": 1, "vocabulary_size": 1000, "rope_base": 10000},
  "image":   {"blocks": 1, "patch_size": 16, "max_patches": 64, "rope_base": 100},
  "audio":   {"blocks": 1, "sample_rate": 16000, "window_length": 400, "hop_length": 160, "fft_length": 512,
              "mel_bands": 80, "patch_frames": 8, "rope_base": 10000},
  "unified": {"blocks": 2, "rope_base": 10000},
  "video": {"max_frames": 8, "max_patches": 24, "pooled_side": 2, "time_features": 8, "time_base": 100},
  "document": {"max_patches": 48, "pooled_side": 3}
}
"""

CARD = """# castor-nano
An untrained model with random weights: it holds the implementations together and means nothing.
Made by tools/reference/make_nano.py; no training data, no license to mind.
"""


def untrained(config: dict, seed: int, trivial: bool = True) -> dict[str, np.ndarray]:
    """Tensors of docs/model.md, section 7, f16. Not trivial: norms, biases and modalities tests notice."""
    random = np.random.default_rng(seed)
    with torch.device("meta"):
        shapes = {name: tuple(x.shape) for name, x in Castor(config).state_dict().items()}
    tensors = {}
    for name, shape in sorted(shapes.items()):
        towers = [name.split(".")[0]] if not name.startswith("unified") else ["text", "image", "audio"]
        mean, deviation = 0.0, 1 / math.sqrt(shape[-1])
        if "norm" in name:
            mean, deviation = 1.0, 0.0 if trivial else 0.1
        elif name.endswith("bias"):
            deviation = 0.0 if trivial else 0.1
        elif name == "text.embedding.weight":
            deviation = 1.0
        elif name in ("unified.modality_embedding.weight", "video.time_embedding.weight"):
            deviation = 0.02 if trivial else 0.5
        elif name.endswith(("attention.output.weight", "mlp.down.weight")):
            passed = config["unified"]["blocks"] + max(config[tower]["blocks"] for tower in towers)
            deviation = 1 / math.sqrt(2 * passed * shape[-1])
        tensors[name] = (mean + deviation * random.standard_normal(shape)).astype(np.float16)
    return tensors


def tokenizer(corpus: Path, pieces: int) -> bytes:
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(corpus.read_text().splitlines()), model_writer=model, model_type="unigram",
        vocab_size=pieces, byte_fallback=True, normalization_rule_name="nmt_nfkc", character_coverage=0.995,
        num_threads=1, minloglevel=2)
    return model.getvalue()


def with_metadata(file: bytes, metadata: dict[str, str]) -> bytes:
    """A safetensors file with metadata, which the library itself would write in random order."""
    length = int.from_bytes(file[:8], "little")
    header = json.dumps({"__metadata__": metadata} | json.loads(file[8:8 + length]), separators=(",", ":"))
    header += " " * (-len(header) % 8)
    return len(header).to_bytes(8, "little") + header.encode() + file[8 + length:]


def make(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    config = json.loads(CONFIG)
    (folder / "config.json").write_text(CONFIG)
    (folder / "README.md").write_text(CARD)
    pieces = tokenizer(HERE / "nano_corpus.txt", config["text"]["vocabulary_size"])
    (folder / "tokenizer.model").write_bytes(pieces)
    weights = save(untrained(config, SEED, trivial=False))
    weights = with_metadata(weights, {"castor.state": "untrained", "castor.seed": str(SEED)})
    (folder / "model.safetensors").write_bytes(weights)


if __name__ == "__main__":
    make(Path(sys.argv[1]) if len(sys.argv) > 1 else HERE.parents[1] / "Tests/Fixtures/castor-nano")
