"""Golden gradients of the tiny checkpoints: Tests/Fixtures/families/*/gradients.safetensors, by PyTorch's autograd in double precision.

The loss is the sum of all components of all vectors of the family's golden contents, before normalisation, times sin(1 + 3 content + 7 component):
a loss that tests can compute, too. The file has the checkpoint's own names and shapes, so that it is imported as the weights are.
Run after make_families.py and make_family_pictures.py.
"""

import json
import sys
from pathlib import Path

import torch
import transformers as hub
from make_families import FAMILIES, FIXTURES
from make_family_pictures import picture
from PIL import Image
from safetensors.torch import save_file

# These have no backward pass, or parts of it alone.
TEXTS = [name for name in FAMILIES if not name.startswith("embedding-gemma2")]
PICTURES = ["clip", "siglip", "dinov2", "dinov2-gated"]


def factors(rows: int, columns: int) -> torch.Tensor:
    content, component = torch.arange(rows)[:, None], torch.arange(columns)[None]
    return torch.sin((1 + 3 * content + 7 * component).to(torch.float64))


def keep_padding(model: torch.nn.Module) -> torch.nn.Module:
    """PyTorch drops the gradient of the padding's row, whose id some of the texts hold as any other."""
    for module in model.modules():
        if isinstance(module, torch.nn.Embedding):
            module.padding_idx = None
    return model


def text_vectors(model: torch.nn.Module, golden: dict, pooling: str) -> torch.Tensor:
    rows = []
    for ids in golden["ids"]:
        tokens = model(input_ids=torch.tensor([ids])).last_hidden_state[0]
        rows.append({"mean": tokens.mean(0), "first": tokens[0], "last": tokens[-1]}[pooling])
    return torch.stack(rows)


def part_vector(model: torch.nn.Module, part: dict, pixels: list[torch.Tensor]) -> torch.Tensor:
    if "picture" in part:
        x = pixels[part["picture"]]
        if isinstance(model, hub.Dinov2Model):
            return model(pixel_values=x).pooler_output[0]
        return model.get_image_features(pixel_values=x).pooler_output[0]
    ids = torch.tensor([part["ids"]])
    if isinstance(model, hub.SiglipModel):
        ids = torch.nn.functional.pad(ids, (0, 16 - ids.shape[1]), value=1)
    return model.get_text_features(input_ids=ids).pooler_output[0]


def picture_vectors(model: torch.nn.Module, golden: dict, folder: Path) -> torch.Tensor:
    processor = hub.AutoImageProcessor.from_pretrained(folder)
    images = [Image.fromarray(picture(*own["size"])) for own in golden["pictures"]]
    pixels = [processor(images=[x], return_tensors="pt")["pixel_values"].double() for x in images]
    rows = []
    for content in golden["contents"]:
        own = [part_vector(model, part, pixels) for part in content["parts"]]
        rows.append(torch.stack([x / (x.norm() if len(own) > 1 else 1) for x in own]).mean(0))
    return torch.stack(rows)


def write(model: torch.nn.Module, rows: torch.Tensor, folder: Path) -> None:
    (rows * factors(*rows.shape)).sum().backward()
    gradients = {
        name: (torch.zeros_like(x) if x.grad is None else x.grad).float().contiguous()
        for name, x in model.named_parameters()}
    save_file(gradients, folder / "gradients.safetensors")
    print(folder.name, (folder / "gradients.safetensors").stat().st_size, "bytes")


def main(families: Path) -> None:
    for name in TEXTS:
        folder = families / name
        kind = hub.T5EncoderModel if name.startswith("t5") else hub.AutoModel
        model = kind.from_pretrained(folder, dtype=torch.float64, attn_implementation="eager").eval()
        keep_padding(model)
        golden = json.loads((folder / "golden.json").read_text())
        rows = text_vectors(model, golden, FAMILIES[name][1])
        assert torch.allclose(rows, torch.tensor(golden["vectors"], dtype=torch.float64), atol=1e-6), name
        write(model, rows, folder)
    for name in PICTURES:
        folder = families / name
        model = hub.AutoModel.from_pretrained(folder, dtype=torch.float64, attn_implementation="eager").eval()
        keep_padding(model)
        golden = json.loads((folder / "pictures.json").read_text())
        rows = picture_vectors(model, golden, folder)
        expected = torch.tensor([content["vector"] for content in golden["contents"]], dtype=torch.float64)
        assert torch.allclose(rows, expected, atol=1e-6), name
        write(model, rows, folder)


if __name__ == "__main__":
    torch.set_num_threads(1)
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else FIXTURES)
