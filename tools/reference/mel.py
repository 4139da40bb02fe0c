"""Samples to log-mel energies: docs/model.md, section 4, Sound."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor


def mel_filters(sample_rate: int, fft_length: int, mel_bands: int) -> Tensor:
    """Triangles of height 1, corners equally spaced on the HTK scale: f32 [mel_bands, fft_length/2 + 1]."""
    top = 2595 * math.log10(1 + sample_rate / 2 / 700)
    mels = torch.arange(mel_bands + 2, dtype=torch.float64) * top / (mel_bands + 1)
    corners = 700 * (10 ** (mels / 2595) - 1)                                            # Hz [mel_bands + 2]
    low, middle, high = corners[:-2, None], corners[1:-1, None], corners[2:, None]       # [mel_bands, 1]
    bins = torch.arange(fft_length // 2 + 1, dtype=torch.float64) * sample_rate / fft_length
    rising, falling = (bins - low) / (middle - low), (high - bins) / (high - middle)     # [mel_bands, bins]
    return torch.minimum(rising, falling).clamp(min=0).float()


def log_mel(samples: Tensor, config: dict) -> Tensor:
    """[n] at the model's sample rate, -1...1 -> [frames, mel_bands], frames a multiple of patch_frames."""
    length, hop, patch = config["window_length"], config["hop_length"], config["patch_frames"]
    frames = max(1, math.ceil((len(samples) - length) / hop) + 1)
    frames = patch * math.ceil(frames / patch)
    padded = F.pad(samples, (0, length + hop * (frames - 1) - len(samples)))
    window = 0.5 - 0.5 * torch.cos(2 * math.pi * torch.arange(length, dtype=torch.float64) / length)
    windowed = padded.unfold(0, length, hop) * window.to(samples.dtype)                  # [frames, length]
    power = torch.fft.rfft(windowed, n=config["fft_length"]).abs().square()              # [frames, bins]
    filters = mel_filters(config["sample_rate"], config["fft_length"], config["mel_bands"])
    mel = power @ filters.to(samples.dtype).T                                            # [frames, mel_bands]
    y = mel.clamp(min=1e-10).log10()
    y = torch.maximum(y, y.max() - 8)
    return (y + 4) / 4
