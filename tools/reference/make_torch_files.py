"""Writes the tiny BERT of Tests/Fixtures/families as torch does, in one file and in two: Tests/Fixtures/torch.

The one file has what state dicts have besides: versions of modules, tensors that share a storage, whole numbers, scalars. Of the two, one holds
parameters and matrices whose columns follow each other, as conversions from other programs leave them.
"""

import json
import shutil
import sys
from pathlib import Path

import torch
from safetensors.torch import load_file

HERE = Path(__file__).resolve().parent
FIXTURES = HERE.parent.parent / "Tests" / "Fixtures"


def main(folder: Path) -> None:
    tensors = load_file(FIXTURES / "families" / "bert" / "model.safetensors")
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "sharded").mkdir(parents=True)

    # A module's own state dict: an OrderedDict with attributes.
    module = torch.nn.Linear(2, 1).state_dict()
    module.clear()
    module.update(tensors)
    word = tensors["embeddings.word_embeddings.weight"]
    module["cls.predictions.decoder.weight"] = word
    module["first_rows"] = word[3:5]
    module["embeddings.position_ids"] = torch.arange(4).reshape(1, 4)
    module["count"] = torch.tensor(7)
    module["is_trained"] = torch.tensor(True)
    torch.save(module, folder / "pytorch_model.bin")

    names = sorted(tensors)
    shards = {"pytorch_model-00001-of-00002.bin": names[:20], "pytorch_model-00002-of-00002.bin": names[20:]}
    for number, (file, own) in enumerate(shards.items()):
        values = {name: tensors[name] for name in own}
        if number == 1:
            values = {name: torch.nn.Parameter(x.t().contiguous().t() if x.ndim == 2 else x) for name, x in values.items()}
        torch.save(values, folder / "sharded" / file)
    index = {"metadata": {}, "weight_map": {name: file for file, own in shards.items() for name in own}}
    (folder / "sharded" / "pytorch_model.bin.index.json").write_text(json.dumps(index) + "\n")
    torch.save({"a": torch.zeros(2)}, folder / "legacy.bin", _use_new_zipfile_serialization=False)
    for file in sorted(folder.rglob("*")):
        if file.is_file():
            print(file.relative_to(folder), file.stat().st_size)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else FIXTURES / "torch")
