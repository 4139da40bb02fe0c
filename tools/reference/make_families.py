"""Makes tiny random checkpoints of every family of text models, and their vectors by transformers: Tests/Fixtures/families.

Norms, scales and biases are random too: what stands at one or zero shows no mistake. Vectors are computed in double precision.
"""

import json
import math
import random
import sys
from pathlib import Path

import torch
import transformers as hub

HERE = Path(__file__).resolve().parent
FIXTURES = HERE.parent.parent / "Tests" / "Fixtures" / "families"
SEED = 20261129
VOCABULARY = 60
# One token; a few; more than the windows; more than the keys of one piece of attention.
LENGTHS = [1, 2, 7, 40, 600]

# Widths that are no multiple of eight, so that the last values of rows are computed too.
SMALL = {"vocab_size": VOCABULARY, "hidden_size": 20, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 36}
GROUPED = {"num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 8, "max_position_embeddings": 1024}
TOKENIZER = {"version": "1.0", "added_tokens": [], "post_processor": None,
             "model": {"type": "WordLevel", "vocab": {"a": 0}, "unk_token": "a"}}


def randomise(model: torch.nn.Module) -> None:
    """Every parameter, and the scalars of layers, which are buffers."""
    generator = torch.Generator().manual_seed(SEED)
    tensors = dict(model.named_parameters())
    tensors |= {name: x for name, x in model.named_buffers() if name.endswith("layer_scalar")}
    with torch.no_grad():
        for name, tensor in sorted(tensors.items()):
            values = torch.randn(tensor.shape, generator=generator)
            if tensor.ndim <= 1:
                tensor.copy_(values * 0.3 + (0 if "bias" in name else 1))
            else:
                tensor.copy_(values / math.sqrt(tensor.shape[-1]))


def bert() -> torch.nn.Module:
    return hub.BertModel(hub.BertConfig(**SMALL, max_position_embeddings=602), add_pooling_layer=False)


def xlm_roberta() -> torch.nn.Module:
    configuration = hub.XLMRobertaConfig(**SMALL, max_position_embeddings=604, type_vocab_size=1, pad_token_id=1)
    return hub.XLMRobertaModel(configuration, add_pooling_layer=False)


def distilbert() -> torch.nn.Module:
    return hub.DistilBertModel(hub.DistilBertConfig(
        vocab_size=VOCABULARY, dim=20, n_layers=2, n_heads=2, hidden_dim=36, max_position_embeddings=602))


def mpnet() -> torch.nn.Module:
    return hub.MPNetModel(hub.MPNetConfig(**SMALL, max_position_embeddings=604), add_pooling_layer=False)


def modernbert() -> torch.nn.Module:
    return hub.ModernBertModel(hub.ModernBertConfig(
        **SMALL | {"num_hidden_layers": 4}, max_position_embeddings=1024, local_attention=16, pad_token_id=0,
        bos_token_id=1, eos_token_id=2, cls_token_id=1, sep_token_id=2))


def qwen3() -> torch.nn.Module:
    return hub.Qwen3Model(hub.Qwen3Config(**SMALL | GROUPED, rope_theta=1e6))


def gemma3() -> torch.nn.Module:
    return hub.Gemma3TextModel(hub.Gemma3TextConfig(
        **SMALL | GROUPED | {"num_hidden_layers": 3}, query_pre_attn_scalar=12, sliding_window=12,
        use_bidirectional_attention=True, layer_types=["sliding_attention", "sliding_attention", "full_attention"]))


def t5(kind: str) -> torch.nn.Module:
    return hub.T5EncoderModel(hub.T5Config(
        vocab_size=VOCABULARY, d_model=20, d_kv=8, d_ff=36, num_layers=2, num_heads=2, feed_forward_proj=kind))


def embedding_gemma2() -> torch.nn.Module:
    text = hub.EmbeddingGemma2TextConfig(
        vocab_size=VOCABULARY + 8, hidden_size=20, intermediate_size=36, num_hidden_layers=4, num_attention_heads=4,
        num_key_value_heads=2, head_dim=8, hidden_size_per_layer_input=12, embedding_dim=20, sliding_window=5,
        global_head_dim=16, num_global_key_value_heads=1, sliding_window_pattern=2)
    vision = hub.Gemma4VisionConfig(
        hidden_size=24, intermediate_size=20, num_hidden_layers=1, num_attention_heads=3, num_key_value_heads=3,
        head_dim=8, position_embedding_size=8)
    audio = hub.Gemma4AudioConfig(hidden_size=16, num_hidden_layers=1, num_attention_heads=2, output_proj_dims=12)
    first = VOCABULARY
    return hub.EmbeddingGemma2Model(hub.EmbeddingGemma2Config(
        text_config=text, vision_config=vision, audio_config=audio, boi_token_id=first, boa_token_id=first + 1,
        image_token_id=first + 2, audio_token_id=first + 3, eoi_token_id=first + 4, eoa_token_index=first + 5,
        video_token_id=first + 6))


# Name, model, pooling, and the first id that is no padding.
FAMILIES = {
    "bert": (bert, "mean", 0), "xlm-roberta": (xlm_roberta, "mean", 3), "distilbert": (distilbert, "mean", 0),
    "mpnet": (mpnet, "mean", 3), "modernbert": (modernbert, "first", 3), "qwen3": (qwen3, "last", 0),
    "gemma3": (gemma3, "mean", 3), "t5": (lambda: t5("relu"), "mean", 1), "t5-gated": (lambda: t5("gated-gelu"), "mean", 1),
    "embedding-gemma2": (embedding_gemma2, "mean", 3),
}


def vectors(model: torch.nn.Module, texts: list[list[int]], pooling: str) -> list[list[float]]:
    rows = []
    with torch.no_grad():
        for ids in texts:
            tokens = model(input_ids=torch.tensor([ids])).last_hidden_state[0]
            row = {"mean": tokens.mean(0), "first": tokens[0], "last": tokens[-1]}[pooling]
            rows.append(row.tolist())
    return rows


def main(folder: Path) -> None:
    for name, (make, pooling, first) in FAMILIES.items():
        torch.manual_seed(SEED)
        model = make().eval()
        randomise(model)
        target = folder / name
        target.mkdir(parents=True, exist_ok=True)
        model.save_pretrained(target)
        (target / "tokenizer.json").write_text(json.dumps(TOKENIZER))
        if pooling != "mean":
            (target / "1_Pooling").mkdir(exist_ok=True)
            mode = {"first": "cls", "last": "lasttoken"}[pooling]
            (target / "1_Pooling" / "config.json").write_text(json.dumps({"pooling_mode": mode}) + "\n")
        draw = random.Random(SEED)
        texts = [[draw.randrange(first, VOCABULARY) for _ in range(count)] for count in LENGTHS]
        rows = vectors(model.to(torch.float64), texts, pooling)
        golden = {"ids": texts, "vectors": [[float(f"{value:.12g}") for value in row] for row in rows]}
        (target / "golden.json").write_text(json.dumps(golden) + "\n")
        print(name, sum(file.stat().st_size for file in target.rglob("*")), "bytes")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else FIXTURES)
