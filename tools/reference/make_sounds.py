"""Makes tiny random checkpoints with a tower for sounds, and what transformers makes of sounds: Tests/Fixtures/sounds.

Everything is random, bounds that bind and scales of dimensions too. Spectrograms, tokens and vectors are computed in double precision throughout:
the reference's own casts to single precision are lifted. Sounds are made of whole numbers (SyntheticSound in the tests makes the same).
"""

import json
import random
import sys
from pathlib import Path

import numpy as np
import torch
import transformers as hub
from make_families import SEED, TOKENIZER, VOCABULARY, randomise
from transformers.feature_extraction_utils import BatchFeature

HERE = Path(__file__).resolve().parent
FIXTURES = HERE.parent.parent / "Tests" / "Fixtures" / "sounds"
LONGEST = 480_000


def sound(kind: str, count: int) -> np.ndarray:
    """Noise, and a triangle of rising pitch, from a linear congruential generator."""
    state, phase = SEED, 0
    values = np.zeros(count, np.float64)
    for index in range(count):
        state = (state * 1664525 + 1013904223) % (1 << 32)
        noise = (state >> 16) - 32768
        phase = (phase + 200 + index // 64) % 65536
        triangle = 2 * abs(phase - 32768) - 32768
        match kind:
            case "music":
                values[index] = (noise + 3 * triangle) / (1 << 17)
            case "tone":
                values[index] = triangle / (1 << 15)
            case "faint":
                values[index] = noise / (1 << 28)
    return values.astype(np.float32)


def randomise_bounds(model: torch.nn.Module) -> None:
    """Of the products that are cut: about one standard deviation, so that they bind."""
    generator = torch.Generator().manual_seed(SEED + 1)
    with torch.no_grad():
        for name, tensor in sorted(model.named_buffers()):
            side = name.rsplit("_", 1)[-1]
            if tensor.ndim == 0 and side in ("min", "max"):
                size = 0.4 + torch.rand((), generator=generator)
                tensor.copy_(-size if side == "min" else size)


class DoublePrecision:
    """Lifts the casts to single precision inside of models."""

    def __enter__(self) -> None:
        self.float, self.softmax = torch.Tensor.float, torch.nn.functional.softmax
        torch.Tensor.float = lambda x: x.double()
        torch.nn.functional.softmax = lambda x, dim=-1, dtype=None: self.softmax(x, dim=dim, dtype=torch.float64)

    def __exit__(self, *_: object) -> None:
        torch.Tensor.float, torch.nn.functional.softmax = self.float, self.softmax


def gemma_mel(extractor: hub.Gemma4AudioFeatureExtractor, samples: np.ndarray) -> np.ndarray:
    """The valid frames of the extractor, which computes as its window does."""
    extractor.window = extractor.window.astype(np.float64)
    padded = extractor.pad(
        BatchFeature({"input_features": [samples[:, None]]}), padding="longest", max_length=LONGEST, truncation=True,
        pad_to_multiple_of=128, return_attention_mask=True)
    mel, mask = extractor._extract_spectrogram(np.asarray(padded.input_features[0]).T, padded.attention_mask[0])
    return mel[mask]


def rounded(values: np.ndarray) -> list:
    return [[float(f"{value:.8g}") for value in row] for row in values.tolist()]


def embedding_gemma2() -> torch.nn.Module:
    text = hub.EmbeddingGemma2TextConfig(
        vocab_size=VOCABULARY + 8, hidden_size=20, intermediate_size=36, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, head_dim=8, hidden_size_per_layer_input=12, embedding_dim=20, sliding_window=5,
        global_head_dim=16, num_global_key_value_heads=1, sliding_window_pattern=2)
    audio = hub.Gemma4AudioConfig(
        hidden_size=24, num_hidden_layers=2, num_attention_heads=2, output_proj_dims=12, subsampling_conv_channels=[128, 4])
    first = VOCABULARY
    return hub.EmbeddingGemma2Model(hub.EmbeddingGemma2Config(
        text_config=text, vision_config=None, audio_config=audio, boi_token_id=first, boa_token_id=first + 1,
        image_token_id=first + 2, audio_token_id=first + 3, eoi_token_id=first + 4, eoa_token_index=first + 5,
        video_token_id=first + 6))


SOUNDS = [
    ("music", 161), ("music", 5_003), ("music", 16_000), ("music", 16_001), ("music", 37_000), ("tone", 8_000),
    ("silence", 3_000), ("faint", 3_000), ("music", LONGEST),
]


def gemma(folder: Path) -> None:
    target = folder / "embedding-gemma2"
    target.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(SEED)
    model = embedding_gemma2().eval()
    randomise(model)
    randomise_bounds(model)
    model.save_pretrained(target)
    (target / "tokenizer.json").write_text(json.dumps(TOKENIZER))
    extractor = hub.Gemma4AudioFeatureExtractor()
    single = embedding_gemma2().eval()
    single.load_state_dict(model.state_dict())
    model = model.to(torch.float64)
    config = model.config
    begin, mark, end = config.boa_token_id, config.audio_token_id, config.eoa_token_index
    draw = random.Random(SEED)

    def ids(count: int) -> list[int]:
        return [draw.randrange(3, VOCABULARY) for _ in range(count)]

    def vector(sequence: list[int], mels: list[np.ndarray]) -> list[float]:
        longest = max(mel.shape[0] for mel in mels)
        features, mask = torch.zeros(len(mels), longest, mels[0].shape[1]).double(), torch.zeros(len(mels), longest).bool()
        for row, mel in enumerate(mels):
            features[row, :len(mel)], mask[row, :len(mel)] = torch.tensor(mel), True
        tokens = torch.tensor([sequence])
        with torch.no_grad(), DoublePrecision():
            truth = model(input_ids=tokens, input_features=features, input_features_mask=mask).last_hidden_state[0].mean(0)
        with torch.no_grad():
            near = single(input_ids=tokens, input_features=features.float(), input_features_mask=mask).last_hidden_state[0].mean(0)
        print(f"  transformers in single precision: {((near - truth).abs().max() / truth.abs().max()).item():.1e} of the largest")
        return [float(f"{value:.12g}") for value in truth.tolist()]

    cases = []
    for kind, count in SOUNDS:
        samples = sound(kind, count)
        mel = gemma_mel(extractor, samples)
        own = hub.Gemma4AudioFeatureExtractor()([samples], return_tensors="np")
        near = own["input_features"][0][own["input_features_mask"][0].astype(bool)]
        with torch.no_grad(), DoublePrecision():
            features = torch.tensor(mel)[None]
            mask = torch.ones(features.shape[:2]).bool()
            tokens = model.get_audio_features(features, mask, return_dict=True).pooler_output[0].numpy()
        print(kind, count, mel.shape, tokens.shape, f"the extractor's own spectrogram: {np.abs(near - mel).max():.1e}")
        before, after = ids(3), ids(2)
        melStep, step = 1 + len(mel) // 8, 1 + len(tokens) // 20
        cases.append({
            "kind": kind, "samples": count, "frames": len(mel), "tokens": len(tokens), "before": before, "after": after,
            "mel": rounded(mel[::melStep]), "melStep": melStep,
            "tower": rounded(tokens[::step]), "towerStep": step,
            "vector": vector([*before, begin, *[mark] * len(tokens), end, *after], [mel])})

    # Longer than the tower takes: two sounds.
    samples = sound("music", LONGEST + 20_000)
    mels = [gemma_mel(extractor, samples[:LONGEST]), gemma_mel(extractor, samples[LONGEST:])]
    counts = [(len(mel) + 3) // 4 for mel in mels]
    before = ids(4)
    pieces = {"before": before, "samples": len(samples), "tokens": counts, "vector": vector(
        [*before, *[id for count in counts for id in [begin, *[mark] * count, end]]], mels)}
    # One sound, dealt out among texts as that of a video.
    mel = gemma_mel(extractor, sound("music", 37_000))
    texts = [ids(2) for _ in range(3)]
    counts = [25, 25, 8]
    sequence = [id for own, count in zip(texts, counts) for id in [*own, begin, *[mark] * count, end]]
    dealt = {"samples": 37_000, "texts": texts, "tokens": counts, "vector": vector(sequence, [mel])}
    (target / "golden.json").write_text(json.dumps({"sounds": cases, "pieces": pieces, "dealt": dealt}) + "\n")
    print("embedding-gemma2", sum(file.stat().st_size for file in target.iterdir()), "bytes")


def whisper_mel(extractor: hub.WhisperFeatureExtractor, samples: np.ndarray) -> np.ndarray:
    """As the extractor's torch path, in double precision."""
    padded = torch.zeros(extractor.n_samples, dtype=torch.float64)
    padded[:len(samples)] = torch.tensor(samples[:extractor.n_samples], dtype=torch.float64)
    window = torch.hann_window(extractor.n_fft).double()
    transform = torch.stft(padded, extractor.n_fft, extractor.hop_length, window=window, return_complex=True)
    mel = torch.from_numpy(extractor.mel_filters).T.double() @ transform[..., :-1].abs() ** 2
    mel = mel.clamp(min=1e-10).log10()
    return ((mel.maximum(mel.max() - 8) + 4) / 4).T.numpy()


def whisper(folder: Path) -> None:
    """Of two seconds in the place of thirty."""
    target = folder / "whisper"
    target.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(SEED)
    config = hub.WhisperConfig(
        vocab_size=40, num_mel_bins=20, encoder_layers=2, encoder_attention_heads=2, decoder_layers=1,
        decoder_attention_heads=2, encoder_ffn_dim=36, decoder_ffn_dim=8, d_model=20, max_source_positions=100,
        max_target_positions=4, pad_token_id=0, bos_token_id=1, eos_token_id=2, decoder_start_token_id=1)
    extractor = hub.WhisperFeatureExtractor(feature_size=20, chunk_length=2)
    model = hub.WhisperModel(config).eval()
    randomise(model)
    model.save_pretrained(target)
    extractor.save_pretrained(target)
    single = hub.WhisperModel(config).eval()
    single.load_state_dict(model.state_dict())
    model = model.to(torch.float64)
    cases = []
    for kind, count in [("music", 1), ("music", 5_003), ("music", 16_001), ("tone", 8_000), ("silence", 3_000),
                        ("faint", 3_000), ("music", 32_000)]:
        samples = sound(kind, count)
        mel = whisper_mel(extractor, samples)
        near = extractor([samples], return_tensors="np", sampling_rate=16_000)["input_features"][0].T
        with torch.no_grad():
            tokens = model.encoder(torch.tensor(mel.T)[None]).last_hidden_state[0]
            rough = single.encoder(torch.tensor(mel.T)[None].float()).last_hidden_state[0]
        truth = tokens.mean(0)
        print(f"{kind} {count}: the extractor's own spectrogram {np.abs(near - mel).max():.1e}, transformers in single "
              f"precision {((rough.mean(0) - truth).abs().max() / truth.abs().max()).item():.1e} of the largest")
        cases.append({
            "kind": kind, "samples": count, "frames": len(mel), "tokens": len(tokens), "before": [], "after": [],
            "mel": rounded(mel[::25]), "melStep": 25, "tower": rounded(tokens.numpy()[::7]), "towerStep": 7,
            "vector": [float(f"{value:.12g}") for value in truth.tolist()]})
    (target / "golden.json").write_text(json.dumps({"sounds": cases}) + "\n")
    print("whisper", sum(file.stat().st_size for file in target.iterdir()), "bytes")


if __name__ == "__main__":
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else FIXTURES
    gemma(target)
    whisper(target)
