"""A teacher of texts with products of eight-bit integers, by onnxruntime. The multilingual one: 1.6 times as fast on a processor with VNNI (243 short texts for 155 a second of a core), 1.7 times on
one with AVX2 alone (117 for 69); cosine to the exact vectors 0.996, without their mean 0.980. The English one there: 305 for 178, cosine 0.992."""
import numpy as np
import onnx
import onnxruntime
import torch
from onnx import TensorProto, helper, numpy_helper
from teacher import Teacher

MICROSOFT = "com.microsoft"


class EightBitTeacher(Teacher):
    def __init__(self, exact: Teacher, threads: int = 1):
        vars(self).update(vars(exact))
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        self.session = onnxruntime.InferenceSession(self.graph().SerializeToString(), options, providers=["CPUExecutionProvider"])

    def graph(self) -> onnx.ModelProto:
        """BERT of onnxruntime's fused operations; weights have a scale a row, what flows a scale a tensor, found anew each time."""
        constants, nodes = [], []
        weights = {name: value.numpy() for name, value in self.weights.items()}

        def constant(name: str, value: np.ndarray) -> str:
            constants.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
            return name

        def node(operation: str, inputs: list[str], outputs: list[str], domain: str = MICROSOFT, **attributes) -> str:
            nodes.append(helper.make_node(operation, inputs, outputs, domain=domain, **attributes))
            return outputs[0]

        def linear(x: str, name: str, weight: np.ndarray, bias: np.ndarray) -> str:
            scale = (np.abs(weight).max(1) / 127).astype(np.float32)
            constant(f"{name}.q", np.clip(np.rint(weight / scale[:, None]), -127, 127).astype(np.int8).T)
            constant(f"{name}.zero", np.zeros(len(weight), np.int8))
            inputs = [x, f"{name}.q", constant(f"{name}.scale", scale), f"{name}.zero", constant(f"{name}.bias", bias)]
            return node("DynamicQuantizeMatMul", inputs, [f"{name}.out"])

        def skip_norm(x: str, residual: str, name: str) -> str:
            inputs = [x, residual, constant(f"{name}.g", weights[f"{name}.weight"]), constant(f"{name}.b", weights[f"{name}.bias"])]
            return node("SkipLayerNormalization", inputs, [f"{name}.out"], epsilon=float(self.epsilon))

        positions = weights["embeddings.position_embeddings.weight"] + weights["embeddings.token_type_embeddings.weight"][0]
        x = node(
            "EmbedLayerNormalization",
            [
                "ids", "", constant("words", weights["embeddings.word_embeddings.weight"]), constant("positions", positions), "",
                constant("g", weights["embeddings.LayerNorm.weight"]), constant("b", weights["embeddings.LayerNorm.bias"]), "mask",
            ],
            ["embedded", "counts"],
            epsilon=float(self.epsilon),
        )
        for layer in range(self.layers):
            at = f"encoder.layer.{layer}"
            joined = [
                np.concatenate([weights[f"{at}.attention.self.{part}.{kind}"] for part in ("query", "key", "value")]) for kind in ("weight", "bias")
            ]
            qkv = linear(x, f"{at}.qkv", *joined)
            parts = [f"{at}.{part}" for part in ("query", "key", "value")]
            node("Split", [qkv], parts, "", axis=2, num_outputs=3)
            mixed = node("MultiHeadAttention", [*parts, "", "mask"], [f"{at}.mixed"], num_heads=self.heads)

            def dense(x: str, name: str) -> str:
                return linear(x, name, weights[f"{name}.weight"], weights[f"{name}.bias"])

            x = skip_norm(dense(mixed, f"{at}.attention.output.dense"), x, f"{at}.attention.output.LayerNorm")
            inner = node("Gelu", [dense(x, f"{at}.intermediate.dense")], [f"{at}.gelu"])
            x = skip_norm(dense(inner, f"{at}.output.dense"), x, f"{at}.output.LayerNorm")
        inputs = [helper.make_tensor_value_info(name, TensorProto.INT32, ["n", "t"]) for name in ("ids", "mask")]
        output = helper.make_tensor_value_info(x, TensorProto.FLOAT, ["n", "t", self.width])
        graph = helper.make_graph(nodes, "bert", inputs, [output], constants)
        self.weights = {}
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18), helper.make_opsetid(MICROSOFT, 1)], ir_version=9)

    def vectors(self, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        here = mask.numpy().astype(np.int32)
        last = self.session.run(None, {"ids": ids.numpy().astype(np.int32), "mask": here})[0]
        mean = (last * here[:, :, None]).sum(1) / here.sum(1, keepdims=True)
        return torch.from_numpy(mean / np.linalg.norm(mean, axis=1, keepdims=True))
