"""A locked picture tower beside a text model, joined by a learned product: the steps of docs/training.md, with models and data
made on the spot. The models have random weights, so that what is learned is the product alone. Needs nothing but Python and the program.

    python3 tools/demo/joined.py .build/release/castor
"""

import json
import math
import os
import random
import struct
import subprocess
import sys
from pathlib import Path

import shapes_and_tones as world

HERE = Path(__file__).resolve().parent
FOLDER = HERE.parent.parent / "build" / "joined"
WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "a", "on", *world.RADII, *world.COLORS, *world.SHAPES, *world.GROUNDS]
TEXT_WIDTH, SIGHT_WIDTH, LAYERS, HEADS = 64, 96, 2, 4


def write_weights(path, shapes, seed):
    """Random matrices that keep lengths, norms of 1, biases of 0."""
    chance = random.Random(seed)
    header, parts, offset = {}, [], 0
    for name, shape in shapes.items():
        count = math.prod(shape)
        if name.endswith("bias"):
            values = [0.0] * count
        elif len(shape) == 1:
            values = [1.0] * count
        else:
            deviation = 1 if "embedding" in name and len(shape) == 2 else 1 / math.sqrt(math.prod(shape[1:]))
            values = [chance.gauss(0, deviation) for _ in range(count)]
        header[name] = {"dtype": "F32", "shape": list(shape), "data_offsets": [offset, offset + 4 * count]}
        parts.append(struct.pack(f"<{count}f", *values))
        offset += 4 * count
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + b"".join(parts))


def write_text_model(folder):
    folder.mkdir(parents=True, exist_ok=True)
    d, h = TEXT_WIDTH, 2 * TEXT_WIDTH
    shapes = {"embeddings.word_embeddings.weight": (len(WORDS), d), "embeddings.position_embeddings.weight": (64, d),
              "embeddings.token_type_embeddings.weight": (2, d), "embeddings.LayerNorm.weight": (d,), "embeddings.LayerNorm.bias": (d,)}
    for layer in range(LAYERS):
        p = f"encoder.layer.{layer}."
        for part in ["attention.self.query", "attention.self.key", "attention.self.value", "attention.output.dense"]:
            shapes |= {f"{p}{part}.weight": (d, d), f"{p}{part}.bias": (d,)}
        shapes |= {f"{p}intermediate.dense.weight": (h, d), f"{p}intermediate.dense.bias": (h,),
                   f"{p}output.dense.weight": (d, h), f"{p}output.dense.bias": (d,)}
        for part in ["attention.output.LayerNorm", "output.LayerNorm"]:
            shapes |= {f"{p}{part}.weight": (d,), f"{p}{part}.bias": (d,)}
    write_weights(folder / "model.safetensors", shapes, 1)
    configuration = {"model_type": "bert", "vocab_size": len(WORDS), "hidden_size": d, "num_hidden_layers": LAYERS,
                     "num_attention_heads": HEADS, "intermediate_size": h, "hidden_act": "gelu", "max_position_embeddings": 64,
                     "type_vocab_size": 2, "layer_norm_eps": 1e-12, "pad_token_id": 0}
    (folder / "config.json").write_text(json.dumps(configuration))
    special = [{"id": i, "content": WORDS[i], "single_word": False, "lstrip": False, "rstrip": False, "normalized": False,
                "special": True} for i in range(4)]
    tokenizer = {
        "version": "1.0", "added_tokens": special,
        "normalizer": {"type": "BertNormalizer", "clean_text": True, "handle_chinese_chars": True, "strip_accents": None, "lowercase": True},
        "pre_tokenizer": {"type": "BertPreTokenizer"},
        "post_processor": {"type": "BertProcessing", "sep": ["[SEP]", 3], "cls": ["[CLS]", 2]},
        "model": {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##", "max_input_chars_per_word": 100,
                  "vocab": {word: index for index, word in enumerate(WORDS)}},
    }
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer))


def write_picture_model(folder):
    folder.mkdir(parents=True, exist_ok=True)
    d, h, patch, side = SIGHT_WIDTH, 2 * SIGHT_WIDTH, 8, world.SIDE
    shapes = {"embeddings.cls_token": (1, 1, d), "embeddings.position_embeddings": (1, 1 + (side // patch) ** 2, d),
              "embeddings.mask_token": (1, d),
              "embeddings.patch_embeddings.projection.weight": (d, 3, patch, patch),
              "embeddings.patch_embeddings.projection.bias": (d,), "layernorm.weight": (d,), "layernorm.bias": (d,)}
    for layer in range(LAYERS):
        p = f"encoder.layer.{layer}."
        for part in ["attention.attention.query", "attention.attention.key", "attention.attention.value", "attention.output.dense"]:
            shapes |= {f"{p}{part}.weight": (d, d), f"{p}{part}.bias": (d,)}
        shapes |= {f"{p}mlp.fc1.weight": (h, d), f"{p}mlp.fc1.bias": (h,), f"{p}mlp.fc2.weight": (d, h), f"{p}mlp.fc2.bias": (d,)}
        for part in ["norm1", "norm2"]:
            shapes |= {f"{p}{part}.weight": (d,), f"{p}{part}.bias": (d,)}
        shapes |= {f"{p}layer_scale1.lambda1": (d,), f"{p}layer_scale2.lambda1": (d,)}
    write_weights(folder / "model.safetensors", shapes, 2)
    configuration = {"model_type": "dinov2", "hidden_size": d, "num_hidden_layers": LAYERS, "num_attention_heads": HEADS, "mlp_ratio": 2,
                     "image_size": side, "patch_size": patch, "layer_norm_eps": 1e-6, "hidden_act": "gelu", "qkv_bias": True}
    (folder / "config.json").write_text(json.dumps(configuration))
    processor = {"image_processor_type": "BitImageProcessor", "size": {"shortest_edge": side},
                 "crop_size": {"height": side, "width": side}, "do_resize": True, "do_center_crop": True}
    (folder / "preprocessor_config.json").write_text(json.dumps(processor))


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    castor = Path(sys.argv[1]).resolve()

    def run(*arguments):
        print("\n$ castor", *arguments, flush=True)
        subprocess.run([castor, *arguments], cwd=FOLDER, env=os.environ | {"XDG_CACHE_HOME": str(FOLDER / "cache")}, check=True)

    print(f"{world.write_shapes(FOLDER / 'shapes')} pictures with captions, a text model and a picture model of random weights: {FOLDER}")
    write_text_model(FOLDER / "text")
    write_picture_model(FOLDER / "sight")
    recipe = json.loads((HERE.parent.parent / "recipes" / "joined.json").read_text())
    recipe |= {"model": "sees", "output": "out"}
    for stage in recipe["stages"]:
        stage["data"][0]["path"] = "shapes"
    (FOLDER / "recipe.json").write_text(json.dumps(recipe, indent=2) + "\n")
    for old in ["sees", "out"]:
        subprocess.run(["rm", "-rf", FOLDER / old], check=True)
    run("join", "text", "sees", "--image", "sight")
    run("train", "recipe.json")
    run("similarity", "--model", "out/model", "a large red circle on white", "@shapes/large-red-circle-white.bmp")
    run("similarity", "--model", "out/model", "a small blue grid on black", "@shapes/large-red-circle-white.bmp")


if __name__ == "__main__":
    main()
