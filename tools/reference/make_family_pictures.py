"""Makes tiny random checkpoints of families that see, and what transformers and its image processors make of pictures.

Tests/Fixtures/families/*/pictures.json: sizes and digests of the pixels after resizing, tokens of the tower where there is a body, and vectors,
in double precision. Tests/MediaTests/Fixtures/resize.*: the same small picture resized to bytes by torchvision and by Pillow.
Pictures are a formula that the tests have too.
"""

import hashlib
import json
import random
import struct
import sys
from pathlib import Path

import numpy as np
import torch
import transformers as hub
from make_families import FIXTURES, SEED, TOKENIZER, VOCABULARY, randomise
from PIL import Image
from torchvision.transforms.v2 import functional as vision
from transformers.models.gemma4.image_processing_gemma4 import get_aspect_ratio_preserving_size

MEDIA = FIXTURES.parent.parent / "MediaTests" / "Fixtures"


def picture(width: int, height: int) -> np.ndarray:
    """Slopes, edges and noise, `[height, width, 3]`."""
    y, x, c = np.meshgrid(np.arange(height), np.arange(width), np.arange(3), indexing="ij")
    return ((x * 3 + y * 5 + c * 53 + x * y // 7 + (x ^ y) * 29) % 256).astype(np.uint8)


def rounded(values: torch.Tensor) -> list:
    return [[float(f"{value:.9g}") for value in row] for row in values.tolist()]


def digest(pixels: np.ndarray) -> str:
    return hashlib.sha256(np.ascontiguousarray(pixels).tobytes()).hexdigest()


def bytes_after(processor, image: np.ndarray) -> np.ndarray:
    """What the processor's own resizing and cropping leave, `[height, width, 3]`."""
    kept = {}
    original = processor.rescale_and_normalize

    def keep(images, *rest, **named):
        kept["pixels"] = images
        return original(images, *rest, **named)

    processor.rescale_and_normalize = keep
    processor(images=[Image.fromarray(image)], return_tensors="pt")
    processor.rescale_and_normalize = original
    pixels = kept["pixels"]
    assert pixels.dtype == torch.uint8
    return pixels.reshape(pixels.shape[-3:]).permute(1, 2, 0).numpy()


def worst(single: torch.Tensor, double: torch.Tensor) -> float:
    """Of f32 from f64, by the largest component of each row."""
    return float(((single.double() - double).abs() / double.abs().amax(-1, keepdim=True)).max())


# MARK: EmbeddingGemma 2


def turn_in_double_precision(model: torch.nn.Module) -> None:
    """Rotary angles are computed in f32 whatever the model's type: at position 200 they are 1e-5 off."""
    rotary = model.vision_tower.encoder.rotary_emb
    half = rotary.inv_freq.numel() * 2

    def forward(x: torch.Tensor, positions: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        steps = torch.arange(0, half, 2, dtype=torch.float64) / half
        angles = positions[..., None].double() * rotary.config.rope_parameters["rope_theta"] ** -steps
        return rotary.recomposition_frequencies(angles.cos()), rotary.recomposition_frequencies(angles.sin())

    rotary.forward = forward


def embedding_gemma2() -> torch.nn.Module:
    text = hub.EmbeddingGemma2TextConfig(
        vocab_size=VOCABULARY + 8, hidden_size=20, intermediate_size=36, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, head_dim=8, hidden_size_per_layer_input=12, embedding_dim=20, sliding_window=5,
        global_head_dim=16, num_global_key_value_heads=1, sliding_window_pattern=2)
    tower = hub.Gemma4VisionConfig(
        hidden_size=28, intermediate_size=44, num_hidden_layers=2, num_attention_heads=3, num_key_value_heads=3,
        head_dim=12, position_embedding_size=210)
    first = VOCABULARY
    return hub.EmbeddingGemma2Model(hub.EmbeddingGemma2Config(
        text_config=text, vision_config=tower, audio_config=None, boi_token_id=first, boa_token_id=first + 1,
        image_token_id=first + 2, audio_token_id=first + 3, eoi_token_id=first + 4, eoa_token_index=first + 5,
        video_token_id=first + 6))


# Square, wide, tall, tiny, extreme both ways, and right already.
GEMMA_SIZES = [(96, 96), (150, 90), (60, 80), (1, 1), (400, 3), (2, 300), (240, 624)]


def make_embedding_gemma2(folder: Path) -> None:
    torch.manual_seed(SEED)
    model = embedding_gemma2().eval()
    randomise(model)
    model.save_pretrained(folder)
    (folder / "tokenizer.json").write_text(json.dumps(TOKENIZER))
    processor = hub.Gemma4ImageProcessor(max_soft_tokens=70)
    files = {"image_processor": processor.to_dict(), "video_processor": {"max_soft_tokens": 70}}
    (folder / "processor_config.json").write_text(json.dumps(files, indent=2) + "\n")
    images = [picture(*size) for size in GEMMA_SIZES]
    inputs = [processor(images=[Image.fromarray(image)], return_tensors="pt") for image in images]
    pixels = [bytes_after(processor, image) for image in images]
    counts = [int(x["num_soft_tokens_per_image"][0]) for x in inputs]

    def tokens() -> list[torch.Tensor]:
        kind = next(model.parameters()).dtype
        with torch.no_grad():
            return [model.get_image_features(x["pixel_values"].to(kind), x["image_position_ids"]).pooler_output[0]
                    for x in inputs]

    draw = random.Random(SEED)

    def words(count: int) -> list[int]:
        return [draw.randrange(3, VOCABULARY) for _ in range(count)]

    # Ids, and numbers of pictures in their places: one picture; text around two; many.
    marks = VOCABULARY, VOCABULARY + 4
    contents = [[[2, marks[0]], index, [marks[1], 1]] for index in range(len(images))]
    contents.append([[2, *words(5), marks[0]], 1, [marks[1], *words(9), marks[0]], 3, [marks[1], 1]])
    contents.append([[2, marks[0]], 4, [marks[1], marks[0]], 2, [marks[1], marks[0]], 0, [marks[1], *words(40), 1]])

    def vectors() -> torch.Tensor:
        kind = next(model.parameters()).dtype
        rows = []
        for content in contents:
            ids = [x for part in content for x in (part if isinstance(part, list) else [VOCABULARY + 2] * counts[part])]
            own = [inputs[part] for part in content if isinstance(part, int)]
            with torch.no_grad():
                output = model(
                    input_ids=torch.tensor([ids]), pixel_values=torch.cat([x["pixel_values"] for x in own]).to(kind),
                    image_position_ids=torch.cat([x["image_position_ids"] for x in own]))
            rows.append(output.last_hidden_state[0].mean(0))
        return torch.stack(rows)

    single, single_tokens = vectors(), tokens()
    model.to(torch.float64)
    turn_in_double_precision(model)
    double, double_tokens = vectors(), tokens()
    print("f32 from f64: tokens", max(map(worst, single_tokens, double_tokens)), "vectors", worst(single, double))

    draw = random.Random(SEED + 1)
    sizes = [(224, 224), (640, 480), (1920, 1080), (56, 84), (2000, 10), (30000, 10), (10, 30000), (1, 1), (1, 2), (768, 768)]
    sizes += [(int(2 ** draw.uniform(0, 14)), int(2 ** draw.uniform(0, 14))) for _ in range(150)]
    table = []
    for width, height in sizes:
        for budget in [70, 140, 280, 560, 1120]:
            h, w = get_aspect_ratio_preserving_size(height, width, 16, 9 * budget, 3)
            table.append([width, height, budget, w, h, h * w // 2304])
    golden = {
        "pictures": [
            {"size": size, "resized": [own.shape[1], own.shape[0]], "tokens": count, "sha256": digest(own),
             "values": rounded(rows)}
            for size, own, count, rows in zip(GEMMA_SIZES, pixels, counts, double_tokens, strict=True)],
        "contents": [
            {"parts": [{"ids": part} if isinstance(part, list) else {"picture": part} for part in content], "vector": row}
            for content, row in zip(contents, rounded(double), strict=True)],
        "sizes": table,
    }
    write(folder, golden)


def write(folder: Path, golden: dict) -> None:
    (folder / "pictures.json").write_text(json.dumps(golden, separators=(",", ":")) + "\n")
    print(folder.name, sum(file.stat().st_size for file in folder.iterdir()), "bytes")


# MARK: Families without a body: a vector of each part

# Square, wide, tall, tiny, extreme both ways.
SIZES = [(40, 40), (90, 50), (30, 70), (1, 1), (300, 4), (3, 200)]
SMALL = {"hidden_size": 20, "intermediate_size": 36, "num_hidden_layers": 2, "num_attention_heads": 2}
EOS = VOCABULARY - 1


def make_vectors(folder: Path, model: torch.nn.Module, processor, text=None, image=None, size=None) -> None:
    """`text` and `image` give one row for ids or pixels; `size` is a picture that the processor leaves as it is."""
    torch.manual_seed(SEED)
    model = model.eval()
    randomise(model)
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    sizes = SIZES + [size]
    images = [picture(*own) for own in sizes]
    values = [processor(images=[Image.fromarray(own)], return_tensors="pt")["pixel_values"] for own in images]
    pixels = [bytes_after(processor, own) for own in images]
    draw = random.Random(SEED)
    parts = list(range(len(sizes)))
    contents = [[index] for index in parts] + [[0, 2]]
    if text:
        (folder / "tokenizer.json").write_text(json.dumps(TOKENIZER))
        texts = [[2, *[draw.randrange(3, EOS) for _ in range(count)], EOS] for count in [0, 1, 5, 10]]
        # An end in the middle, too: the first one counts.
        texts.append([2, 5, 7, EOS, 9, 4, EOS])
        contents += [[ids] for ids in texts] + [[texts[2], 1], [texts[0], 3, texts[3]]]

    def vectors() -> torch.Tensor:
        kind = next(model.parameters()).dtype
        rows = []
        with torch.no_grad():
            for content in contents:
                own = [text(model, torch.tensor([part])) if isinstance(part, list) else image(model, values[part].to(kind))
                       for part in content]
                own = [x[0] / (x[0].norm() if len(own) > 1 else 1) for x in own]
                rows.append(torch.stack(own).mean(0))
        return torch.stack(rows)

    single = vectors()
    double_model = model.to(torch.float64)
    double = vectors()
    print("f32 from f64:", worst(single, double), type(double_model).__name__)
    count = vectors_per_picture(model, values[0])
    golden = {
        "pictures": [{"size": own, "resized": [x.shape[1], x.shape[0]], "tokens": count, "sha256": digest(x)}
                     for own, x in zip(sizes, pixels, strict=True)],
        "contents": [
            {"parts": [{"ids": part} if isinstance(part, list) else {"picture": part} for part in content], "vector": row}
            for content, row in zip(contents, rounded(double), strict=True)],
    }
    write(folder, golden)


def vectors_per_picture(model: torch.nn.Module, pixels: torch.Tensor) -> int:
    """Tokens of the tower."""
    tower = getattr(model, "vision_model", model)
    with torch.no_grad():
        return tower(pixel_values=pixels.double()).last_hidden_state.shape[1]


def make_clip(folder: Path) -> None:
    text = hub.CLIPTextConfig(
        **SMALL, vocab_size=VOCABULARY, max_position_embeddings=16, bos_token_id=2, eos_token_id=EOS, pad_token_id=1)
    tower = hub.CLIPVisionConfig(**SMALL | {"hidden_size": 28}, image_size=32, patch_size=8)
    model = hub.CLIPModel(hub.CLIPConfig(text_config=text.to_dict(), vision_config=tower.to_dict(), projection_dim=12))
    processor = hub.CLIPImageProcessor(size={"shortest_edge": 37}, crop_size={"height": 32, "width": 32})
    make_vectors(
        folder, model, processor, lambda m, ids: m.get_text_features(input_ids=ids).pooler_output,
        lambda m, x: m.get_image_features(pixel_values=x).pooler_output, (37, 37))


def make_siglip(folder: Path) -> None:
    text = hub.SiglipTextConfig(
        **SMALL, vocab_size=VOCABULARY, max_position_embeddings=16, bos_token_id=2, eos_token_id=EOS, pad_token_id=1)
    tower = hub.SiglipVisionConfig(**SMALL, image_size=33, patch_size=8)
    model = hub.SiglipModel(hub.SiglipConfig(text_config=text.to_dict(), vision_config=tower.to_dict()))
    processor = hub.SiglipImageProcessor(size={"height": 33, "width": 33}, resample=2)

    def text_row(m: torch.nn.Module, ids: torch.Tensor) -> torch.Tensor:
        filled = torch.nn.functional.pad(ids, (0, 16 - ids.shape[1]), value=1)
        return m.get_text_features(input_ids=filled).pooler_output

    make_vectors(
        folder, model, processor, text_row, lambda m, x: m.get_image_features(pixel_values=x).pooler_output, (33, 33))


def make_dinov2(folder: Path, **more) -> None:
    configuration = hub.Dinov2Config(
        hidden_size=20, num_hidden_layers=2, num_attention_heads=2, mlp_ratio=2, image_size=49, patch_size=7, **more)
    processor = hub.BitImageProcessor(
        size={"shortest_edge": 36}, crop_size={"height": 28, "width": 35})
    make_vectors(
        folder, hub.Dinov2Model(configuration), processor,
        image=lambda m, x: m(pixel_values=x).pooler_output, size=(36, 36))


# MARK: Resizing


def make_resizes() -> None:
    """The picture of resize.rgb by torchvision and by Pillow; files are width, height and bytes."""
    data = (MEDIA / "resize.rgb").read_bytes()
    width, height = struct.unpack("<II", data[:8])
    source = np.frombuffer(data[8:], np.uint8).reshape(height, width, 3)
    tensor = torch.from_numpy(source.copy()).permute(2, 0, 1)
    for width, height in [(16, 8), (8, 33), (41, 13), (17, 29), (90, 70)]:
        for name, kind, filter in [("bicubic", vision.InterpolationMode.BICUBIC, Image.Resampling.BICUBIC),
                                   ("bilinear", vision.InterpolationMode.BILINEAR, Image.Resampling.BILINEAR)]:
            own = vision.resize(tensor, [height, width], interpolation=kind, antialias=True).permute(1, 2, 0).numpy()
            other = np.asarray(Image.fromarray(source).resize((width, height), filter))
            for whose, pixels in [("torchvision", own), ("pillow", other)]:
                head = struct.pack("<II", width, height)
                (MEDIA / f"resize.{width}x{height}.{name}.{whose}.rgb").write_bytes(head + pixels.tobytes())


FAMILIES = {
    "embedding-gemma2-vision": make_embedding_gemma2, "clip": make_clip, "siglip": make_siglip, "dinov2": make_dinov2,
    "dinov2-gated": lambda folder: make_dinov2(folder, use_swiglu_ffn=True),
}


def main(folder: Path, names: list[str]) -> None:
    for name, make in FAMILIES.items():
        if names and name not in names:
            continue
        (folder / name).mkdir(parents=True, exist_ok=True)
        make(folder / name)
    if not names:
        make_resizes()


if __name__ == "__main__":
    main(FIXTURES, sys.argv[1:])
