"""A model's folder, read whole and written anew by the tools that lengthen its vectors."""
import json
import shutil
from pathlib import Path

import numpy as np
from safetensors import safe_open
from safetensors.numpy import load_file, save_file


def read(model: Path, wanted: Path) -> tuple[dict, dict[str, np.ndarray], dict[str, str]]:
    """Configuration, with the sizes of vectors of the configuration `wanted`; tensors; what the file says of itself."""
    sizes, config = (json.loads(path.read_text()) for path in (wanted, model / "config.json"))
    with safe_open(model / "model.safetensors", "numpy") as file:
        metadata = file.metadata() or {}
    return config | {name: sizes[name] for name in ("output_dimensions", "matryoshka_dimensions")}, load_file(model / "model.safetensors"), metadata


def write(out: Path, model: Path, config: dict, tensors: dict[str, np.ndarray], metadata: dict[str, str]) -> None:
    """With the tokenizer of `model`; weights appear whole or not at all."""
    out.mkdir(parents=True, exist_ok=True)
    (out / "config.json").write_text(json.dumps(config, indent=2) + "\n")
    shutil.copy(model / "tokenizer.model", out)
    temporary = out / "model.tmp"
    save_file(tensors, temporary, metadata)
    temporary.rename(out / "model.safetensors")
