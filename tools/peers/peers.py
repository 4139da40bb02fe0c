"""Other programs that embed texts, each behind one function: texts to vectors of length 1, with two threads.

Everything is as its own documentation has it for a processor. Weights are those of one folder in the layout of sentence-transformers; what another
format needs is made of it, once, in a folder beside the results.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

Embed = Callable[[list[str]], np.ndarray]

BATCH = 32
"""Texts that sentence-transformers, and most who use ONNX Runtime, give to the model at once."""


def unit(rows: np.ndarray) -> np.ndarray:
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


class Batches:
    """Texts in batches of BATCH, padded to the longest, in the order given or by length; mean pooling."""

    def __init__(self, folder: Path, forward: Callable[[np.ndarray, np.ndarray], np.ndarray], *, by_length: bool):
        from tokenizers import Tokenizer

        self.tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self.tokenizer.enable_truncation(256)
        self.tokenizer.no_padding()
        self.forward, self.by_length = forward, by_length

    def __call__(self, texts: list[str]) -> np.ndarray:
        ids = [encoding.ids for encoding in self.tokenizer.encode_batch(texts)]
        order = sorted(range(len(ids)), key=lambda index: len(ids[index])) if self.by_length else list(range(len(ids)))
        rows: np.ndarray | None = None
        for start in range(0, len(order), BATCH):
            own = order[start : start + BATCH]
            longest = max(len(ids[index]) for index in own)
            batch = np.zeros((len(own), longest), np.int64)
            mask = np.zeros((len(own), longest), np.int64)
            for row, index in enumerate(own):
                batch[row, : len(ids[index])] = ids[index]
                mask[row, : len(ids[index])] = 1
            tokens = self.forward(batch, mask)
            weights = mask[:, :, None].astype(np.float32)
            means = (tokens * weights).sum(1) / weights.sum(1)
            if rows is None:
                rows = np.empty((len(ids), means.shape[1]), np.float32)
            rows[own] = means
        assert rows is not None
        return unit(rows)


def exported(folder: Path, work: Path) -> Path:
    """The transformer as ONNX, as torch exports it: last hidden state of ids and mask."""
    path = work / f"{folder.name}.onnx"
    if not path.exists():
        import torch
        from transformers import AutoModel

        class Body(torch.nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.model = AutoModel.from_pretrained(folder, attn_implementation="eager", dtype=torch.float32)

            def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
                return self.model(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state

        ids = torch.ones(2, 8, dtype=torch.int64)
        axes = {0: "texts", 1: "tokens"}
        torch.onnx.export(
            Body().eval(), (ids, ids), str(path), input_names=["input_ids", "attention_mask"], output_names=["tokens"],
            dynamic_axes={"input_ids": axes, "attention_mask": axes, "tokens": axes}, opset_version=17, dynamo=False)
    return path


def fused(folder: Path, work: Path) -> Path:
    """The same with attention, GELU and norms as one operation each (onnxruntime.transformers.optimizer)."""
    path = work / f"{folder.name}.fused.onnx"
    if not path.exists():
        import json

        from onnxruntime.transformers import optimizer
        from onnxruntime.transformers.fusion_options import FusionOptions

        config = json.loads((folder / "config.json").read_text())
        options = FusionOptions("bert")
        model = optimizer.optimize_model(
            str(exported(folder, work)), "bert", num_heads=config["num_attention_heads"], hidden_size=config["hidden_size"],
            optimization_options=options, opt_level=1, use_gpu=False)
        print(f"fused: {model.get_fused_operator_statistics()}", flush=True)
        model.save_model_to_file(str(path))
    return path


def quantized(folder: Path, work: Path) -> Path:
    """The fused one with weights in eight bits, and what they are multiplied by turned into eight bits as it comes."""
    path = work / f"{folder.name}.int8.onnx"
    if not path.exists():
        from onnxruntime.quantization import QuantType, quantize_dynamic

        quantize_dynamic(
            str(fused(folder, work)), str(path), weight_type=QuantType.QInt8, per_channel=True, reduce_range=False,
            extra_options={"DefaultTensorType": 1})
    return path


def onnxruntime(folder: Path, work: Path, threads: int, model: Callable[[Path, Path], Path], *, by_length: bool) -> Embed:
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_ALL
    session = ort.InferenceSession(str(model(folder, work)), options, providers=["CPUExecutionProvider"])
    return Batches(
        folder, lambda ids, mask: session.run(None, {"input_ids": ids, "attention_mask": mask})[0], by_length=by_length)


def openvino(folder: Path, work: Path, threads: int, *, by_length: bool) -> Embed:
    import openvino as ov

    core = ov.Core()
    compiled = core.compile_model(
        core.read_model(exported(folder, work)), "CPU",
        {"INFERENCE_NUM_THREADS": threads, "PERFORMANCE_HINT": "THROUGHPUT", "NUM_STREAMS": 1, "INFERENCE_PRECISION_HINT": "f32"})
    request = compiled.create_infer_request()
    return Batches(
        folder, lambda ids, mask: request.infer({"input_ids": ids, "attention_mask": mask})[0], by_length=by_length)


def sentence_transformers(folder: Path, _: Path, threads: int) -> Embed:
    import torch
    from sentence_transformers import SentenceTransformer

    torch.set_num_threads(threads)
    model = SentenceTransformer(str(folder), device="cpu", model_kwargs={"dtype": "float32"})
    return lambda texts: model.encode(texts, batch_size=BATCH, normalize_embeddings=True, show_progress_bar=False)


def torch_compiled(folder: Path, _: Path, threads: int) -> Embed:
    import torch
    from transformers import AutoModel

    torch.set_num_threads(threads)
    model = torch.compile(AutoModel.from_pretrained(folder, dtype=torch.float32).eval(), dynamic=True)

    def forward(ids: np.ndarray, mask: np.ndarray) -> np.ndarray:
        with torch.inference_mode():
            return model(input_ids=torch.from_numpy(ids), attention_mask=torch.from_numpy(mask)).last_hidden_state.numpy()

    return Batches(folder, forward, by_length=True)


def fastembed(folder: Path, work: Path, threads: int) -> Embed:
    import shutil

    from fastembed import TextEmbedding

    own = work / f"{folder.name}.fastembed"
    if not own.exists():
        own.mkdir()
        for file in folder.glob("*.json"):
            shutil.copy(file, own)
        (own / "special_tokens_map.json").write_text('{"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]"}')
        shutil.copy(exported(folder, work), own / "model.onnx")
    model = TextEmbedding("sentence-transformers/all-MiniLM-L6-v2", specific_model_path=str(own), threads=threads)
    return lambda texts: unit(np.array(list(model.embed(texts, batch_size=BATCH))))


PEERS: dict[str, Callable[[Path, Path, int], Embed]] = {
    "onnxruntime": lambda folder, work, threads: onnxruntime(folder, work, threads, exported, by_length=True),
    "onnxruntime-fused": lambda folder, work, threads: onnxruntime(folder, work, threads, fused, by_length=True),
    "onnxruntime-fused-unsorted": lambda folder, work, threads: onnxruntime(folder, work, threads, fused, by_length=False),
    "onnxruntime-int8": lambda folder, work, threads: onnxruntime(folder, work, threads, quantized, by_length=True),
    "openvino": lambda folder, work, threads: openvino(folder, work, threads, by_length=True),
    "sentence-transformers": sentence_transformers,
    "torch-compiled": torch_compiled,
    "fastembed": fastembed,
}
