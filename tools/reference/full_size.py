"""Makes an EmbeddingGemma 2 of full size with random weights, and times Castor beside `transformers` on it.

    full_size.py make FOLDER [--dtype bfloat16|float32]     a folder as the hub has it, about 1.5 or 3 GB
    full_size.py time FOLDER --castor PROGRAM --model MODEL [--dtype float32] [--rounds 5] [--only text-16,picture]

MODEL is what `castor import FOLDER MODEL` made; dtype is what transformers computes in. Both get the same files, by turns, with two threads each; Castor answers over HTTP. The vectors are compared first.
"""

import argparse
import base64
import http.client
import io
import json
import re
import resource
import statistics
import subprocess
import time
from pathlib import Path

import numpy as np
import soundfile
import torch
import transformers as hub
from make_whole import MARKS, tokenizer
from PIL import Image
from transformers.models.embedding_gemma2.processing_embedding_gemma2 import EmbeddingGemma2Processor
from transformers.models.embedding_gemma2.video_processing_embedding_gemma2 import EmbeddingGemma2VideoProcessor

THREADS = 2


def make(folder: Path, dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    names = tokenizer()
    ids = {name: names.convert_tokens_to_ids(mark) for name, mark in MARKS.items()}
    model = hub.EmbeddingGemma2Model(hub.EmbeddingGemma2Config(
        text_config=hub.EmbeddingGemma2TextConfig(), vision_config=hub.Gemma4VisionConfig(), audio_config=hub.Gemma4AudioConfig(),
        boi_token_id=ids["boi_token"], boa_token_id=ids["boa_token"], image_token_id=ids["image_token"], audio_token_id=ids["audio_token"],
        eoi_token_id=ids["eoi_token"], eoa_token_index=ids["eoa_token"], video_token_id=ids["video_token"])).to(dtype)
    with torch.no_grad():
        for name, buffer in model.named_buffers():
            if buffer.ndim == 0 and name.endswith(("_min", "_max")):
                buffer.fill_(-12.875 if name.endswith("_min") else 12.8125)
    model.save_pretrained(folder)
    names.save_pretrained(folder)


def contents(names: hub.PreTrainedTokenizerFast) -> dict[str, tuple[str, bytes | str]]:
    words = "rain in july a grey cat sleeps under every tree by the sea and nobody knows why it is so quiet today ".split(" ")
    texts = {}
    for count in (16, 128):
        text, index = "", 0
        while len(names(text)["input_ids"]) < count:
            text += words[index % len(words)][:1] + " "
            index += 1
        texts[f"text-{count}"] = ("text", text)
    y, x = np.mgrid[:480, :640]
    pixels = np.stack([(x * 3 + y * 5) % 256, (x * y // 7) % 256, (x + 2 * y) % 256], -1).astype(np.uint8)
    picture, sound = io.BytesIO(), io.BytesIO()
    Image.fromarray(pixels).save(picture, "PNG")
    noise = (np.random.RandomState(0).randn(16_000 * 5) * 0.1).clip(-1, 1)
    soundfile.write(sound, (noise * 32767).astype(np.int16), 16_000, format="WAV", subtype="PCM_16")
    return texts | {"picture": ("image/png", picture.getvalue()), "sound-5s": ("audio/wav", sound.getvalue())}


class Castor:
    def __init__(self, program: str, model: str) -> None:
        self.process = subprocess.Popen(
            [program, "serve", "--port", "0", "--model", model, "--threads", str(THREADS)], stderr=subprocess.PIPE, text=True)
        for line in self.process.stderr:
            if found := re.search(r"listening at http://127.0.0.1:(\d+)", line):
                break
        self.connection = http.client.HTTPConnection("127.0.0.1", int(found[1]), timeout=600)

    def embed(self, kind: str, data: bytes | str) -> np.ndarray:
        part = {"text": data} if kind == "text" else {"inlineData": {"mimeType": kind, "data": base64.b64encode(data).decode()}}
        self.connection.request(
            "POST", "/v1beta/models/gemini-embedding-2:embedContent", json.dumps({"content": {"parts": [part]}}), {"content-type": "application/json"})
        reply = self.connection.getresponse()
        body = json.loads(reply.read())
        assert reply.status == 200, body
        return np.array(body["embedding"]["values"])

    def peak(self) -> int:
        return int(re.search(r"VmHWM:\s+(\d+)", Path(f"/proc/{self.process.pid}/status").read_text())[1]) >> 10


class Reference:
    def __init__(self, folder: Path, dtype: str) -> None:
        torch.set_num_threads(THREADS)
        self.names = hub.AutoTokenizer.from_pretrained(folder)
        self.model = hub.EmbeddingGemma2Model.from_pretrained(folder, dtype=dtype).eval()
        self.processor = EmbeddingGemma2Processor(
            feature_extractor=hub.Gemma4AudioFeatureExtractor(), image_processor=hub.Gemma4ImageProcessor(do_normalize=False), tokenizer=self.names,
            video_processor=EmbeddingGemma2VideoProcessor(do_normalize=False))

    def embed(self, kind: str, data: bytes | str) -> np.ndarray:
        if kind == "text":
            inputs = self.names([data], return_tensors="pt")
        elif kind.startswith("image"):
            inputs = self.processor(text=[MARKS["image_token"]], images=[[Image.open(io.BytesIO(data)).convert("RGB")]], return_tensors="pt")
        else:
            inputs = self.processor(text=[MARKS["audio_token"]], audio=[soundfile.read(io.BytesIO(data), dtype="float32")[0]], return_tensors="pt")
        inputs = {key: value.to(self.model.dtype) if value.is_floating_point() else value for key, value in inputs.items() if torch.is_tensor(value)}
        with torch.no_grad():
            vector = self.model(**inputs).last_hidden_state[0].float().mean(0).numpy()
        return vector / np.linalg.norm(vector)


def measure(folder: Path, program: str, model: str, rounds: int, only: str | None, dtype: str) -> None:
    castor, reference = Castor(program, model), Reference(folder, dtype)
    for name, (kind, data) in contents(reference.names).items():
        if only and name not in only.split(","):
            continue
        cosine = float(castor.embed(kind, data) @ reference.embed(kind, data))
        times: dict[str, list[float]] = {"castor": [], "transformers": []}
        for _ in range(rounds):
            for who, other in (("castor", castor), ("transformers", reference)):
                start = time.perf_counter()
                other.embed(kind, data)
                times[who].append(1000 * (time.perf_counter() - start))
        middle = {who: statistics.median(values) for who, values in times.items()}
        least = {who: min(values) for who, values in times.items()}
        print(f"{name:9} cosine {cosine:.7f}  castor {middle['castor']:8.1f} ms (least {least['castor']:.1f})  transformers {middle['transformers']:8.1f} "
              f"({least['transformers']:.1f})  ratio {middle['transformers'] / middle['castor']:.2f} ({least['transformers'] / least['castor']:.2f})", flush=True)
    print(f"peak memory: castor {castor.peak()} MB, transformers {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10} MB (Python's all)")
    castor.process.terminate()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=["make", "time"])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--dtype", default="bfloat16", choices=["bfloat16", "float32"])
    parser.add_argument("--castor", default="castor")
    parser.add_argument("--model")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only")
    options = parser.parse_args()
    if options.what == "make":
        make(options.folder, getattr(torch, options.dtype))
    else:
        measure(options.folder, options.castor, options.model, options.rounds, options.only, options.dtype)


if __name__ == "__main__":
    main()
