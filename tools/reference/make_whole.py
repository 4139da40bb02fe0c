"""Makes a tiny random EmbeddingGemma 2 with everything, and what its own processor and model make of files: Tests/Fixtures/whole.

Contents are texts, pictures, sounds and frames as users send them; the vector of each is the mean of the model's tokens, as sentence-transformers
has it, at length 1. The tokenizer is of Gemma's kind, trained on nano_corpus.txt.
"""

import json
import shutil
import sys
from pathlib import Path

import numpy as np
import soundfile
import torch
import transformers as hub
from make_families import SEED, randomise
from make_family_pictures import turn_in_double_precision
from make_sounds import DoublePrecision, randomise_bounds
from PIL import Image
from tokenizers import AddedToken, Tokenizer, models, normalizers, pre_tokenizers, processors, trainers
from transformers.models.embedding_gemma2.processing_embedding_gemma2 import EmbeddingGemma2Processor
from transformers.models.embedding_gemma2.video_processing_embedding_gemma2 import EmbeddingGemma2VideoProcessor
from transformers.video_utils import VideoMetadata

HERE = Path(__file__).resolve().parent
FIXTURES = HERE.parent.parent / "Tests" / "Fixtures"
TARGET, MEDIA = FIXTURES / "whole", FIXTURES / "media"
SPECIAL = ["<pad>", "<eos>", "<bos>", "<unk>", "<mask>"]
MARKS = {"boi_token": "<|image>", "boa_token": "<|audio>", "image_token": "<|image|>", "audio_token": "<|audio|>", "eoi_token": "<image|>",
         "eoa_token": "<audio|>", "video_token": "<|video|>"}
PROMPTS = {"query": "task: search result | query: ", "document": "title: none | text: ", "STS": "task: sentence similarity | query: "}

# Texts, and files by their kind.
CONTENTS = [
    ["a sleepy kitten"], ["Größe: 寝ている子猫 😀\n\n  two  spaces"], ["one", "two"], [{"image": "rgb.png"}], [{"image": "one-pixel.png"}],
    [{"audio": "chirp-16k.wav"}], ["hello ", {"audio": "noise-16k.wav"}, " world"], ["before", {"image": "rgb.png"}, "between", {"image": "gray.png"}],
    [{"audio": "chirp-16k.wav"}, "then", {"image": "rgb.png"}, "and more words, more than the window of a few"],
    [{"frames": "plain"}], ["a film: ", {"frames": "stamped"}], [{"frames": "sound"}],
]


def tokenizer() -> hub.PreTrainedTokenizerFast:
    alphabet = [f"<0x{byte:02X}>" for byte in range(256)]
    words = Tokenizer(models.BPE(unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    words.normalizer = normalizers.Replace(" ", "▁")
    words.pre_tokenizer = pre_tokenizers.Split("▁", "merged_with_next")
    words.train([str(HERE / "nano_corpus.txt")], trainers.BpeTrainer(vocab_size=420, limit_alphabet=90, show_progress=False, special_tokens=SPECIAL + alphabet))
    data = json.loads(words.to_str())
    data["added_tokens"] = [token for token in data["added_tokens"] if token["content"] not in alphabet]
    words = Tokenizer.from_str(json.dumps(data))
    words.pre_tokenizer = pre_tokenizers.Split(" ", "merged_with_previous")
    words.add_special_tokens([AddedToken(mark, special=True, normalized=False) for mark in MARKS.values()])
    words.post_processor = processors.TemplateProcessing(
        single="<bos> $A <eos>", pair="<bos> $A <eos> $B <eos>", special_tokens=[("<bos>", 2), ("<eos>", 1)])
    return hub.PreTrainedTokenizerFast(
        tokenizer_object=words, pad_token="<pad>", eos_token="<eos>", bos_token="<bos>", unk_token="<unk>", padding_side="right",
        extra_special_tokens=MARKS)


def model(names: hub.PreTrainedTokenizerFast) -> torch.nn.Module:
    ids = {name: names.convert_tokens_to_ids(mark) for name, mark in MARKS.items()}
    text = hub.EmbeddingGemma2TextConfig(
        vocab_size=len(names), hidden_size=20, intermediate_size=36, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2,
        head_dim=8, hidden_size_per_layer_input=12, embedding_dim=24, sliding_window=5, global_head_dim=16, num_global_key_value_heads=1,
        sliding_window_pattern=2)
    vision = hub.Gemma4VisionConfig(
        hidden_size=24, intermediate_size=20, num_hidden_layers=1, num_attention_heads=3, num_key_value_heads=3, head_dim=8,
        position_embedding_size=210)
    audio = hub.Gemma4AudioConfig(hidden_size=16, num_hidden_layers=1, num_attention_heads=2, output_proj_dims=12)
    whole = hub.EmbeddingGemma2Model(hub.EmbeddingGemma2Config(
        text_config=text, vision_config=vision, audio_config=audio, boi_token_id=ids["boi_token"], boa_token_id=ids["boa_token"],
        image_token_id=ids["image_token"], audio_token_id=ids["audio_token"], eoi_token_id=ids["eoi_token"], eoa_token_index=ids["eoa_token"],
        video_token_id=ids["video_token"])).eval()
    randomise(whole)
    randomise_bounds(whole)
    return whole


def frames(seconds: int) -> np.ndarray:
    """A film's frames of 60 x 80 pixels, one a second, `[n, height, width, 3]`; the tests make them too."""
    n, y, x, c = np.meshgrid(np.arange(seconds), np.arange(60), np.arange(80), np.arange(3), indexing="ij")
    return ((x * 3 + y * 5 + c * 53 + n * 31 + x * y // 7) % 256).astype(np.uint8)


def main(target: Path) -> None:
    torch.manual_seed(SEED)
    shutil.rmtree(target, ignore_errors=True)
    names = tokenizer()
    whole = model(names)
    folder = target / "model"
    names.save_pretrained(folder)
    whole.save_pretrained(folder)
    processor = EmbeddingGemma2Processor(
        feature_extractor=hub.Gemma4AudioFeatureExtractor(), image_processor=hub.Gemma4ImageProcessor(max_soft_tokens=70, do_normalize=False),
        tokenizer=names, video_processor=EmbeddingGemma2VideoProcessor(max_soft_tokens=70, do_normalize=False))
    (folder / "processor_config.json").write_text(json.dumps(
        {"image_processor": {"max_soft_tokens": 70}, "video_processor": {"max_soft_tokens": 70}}, indent=2) + "\n")
    (folder / "modules.json").write_text(json.dumps([
        {"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.base.modules.transformer.Transformer"},
        {"idx": 1, "name": "1", "path": "1_Pooling", "type": "sentence_transformers.sentence_transformer.modules.pooling.Pooling"},
        {"idx": 2, "name": "2", "path": "2_Normalize", "type": "sentence_transformers.base.modules.normalize.Normalize"}], indent=2) + "\n")
    (folder / "1_Pooling").mkdir()
    (folder / "1_Pooling" / "config.json").write_text('{"embedding_dimension": 24, "pooling_mode": "mean", "include_prompt": true}\n')
    (folder / "config_sentence_transformers.json").write_text(json.dumps({"prompts": PROMPTS, "default_prompt_name": None}, indent=2) + "\n")

    whole = whole.double()
    turn_in_double_precision(whole)
    golden = []
    for content in CONTENTS:
        text, images, audio, videos, options = "", [], [], [], {}
        for part in content:
            match part:
                case str():
                    text += part
                case {"image": file}:
                    text += MARKS["image_token"]
                    images.append(Image.open(MEDIA / file).convert("RGB"))
                case {"audio": file}:
                    text += MARKS["audio_token"]
                    audio.append(soundfile.read(MEDIA / file, dtype="float32")[0])
                case {"frames": kind}:
                    text += MARKS["video_token"]
                    videos.append(frames(4))
                    options = {"video_metadata": [VideoMetadata(total_num_frames=4, fps=1, duration=4, frames_indices=[0, 1, 2, 3])]}
                    options |= {"do_sample_frames": False, "add_timestamps": kind != "plain"}
                    if kind == "sound":
                        options["load_audio_from_video"] = True
                        audio.append(soundfile.read(MEDIA / "chirp-16k.wav", dtype="float32")[0])
                        options["audio_from_video_indices"] = [0]
        inputs = processor(
            text=[text], images=[images] if images else None, audio=audio or None, videos=videos or None, return_tensors="pt", **options)
        inputs = {key: value.double() if torch.is_tensor(value) and value.is_floating_point() else value for key, value in inputs.items()
                  if torch.is_tensor(value)}
        with torch.no_grad(), DoublePrecision():
            vector = whole(**inputs).last_hidden_state[0].mean(0)
        vector = vector / vector.norm()
        golden.append({"parts": content, "ids": inputs["input_ids"][0].tolist(), "vector": [float(f"{x:.10g}") for x in vector.tolist()]})
        print(content, len(golden[-1]["ids"]))
    (target / "golden.json").write_text(json.dumps(golden, ensure_ascii=False) + "\n")
    for file in sorted(target.rglob("*")):
        if file.is_file():
            print(file.relative_to(target), file.stat().st_size)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else TARGET)
