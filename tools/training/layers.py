"""What texts, pictures and sounds pass (docs/model.md, section 2), over the tokens of many contents at once: contents of one length lie one behind the other, in chunks (first token, contents,
tokens of each, mask or none), so that there is next to no padding and products see all tokens at once."""
import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

WIDTH, EPSILON, CHUNK = 384, 1e-6, 64
BFLOAT16 = torch.ops.mkldnn._is_mkldnn_bf16_supported()
"""Whether this processor multiplies bfloat16 by itself (AVX512-BF16, AMX)."""


class Products:
    """In what blocks multiply and attend. Weights, what flows between blocks, and all that is summed stay in single precision."""

    type = torch.bfloat16 if BFLOAT16 else torch.float32


def linear(x: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    return F.linear(x.to(Products.type), weight.to(Products.type))


def laid_out(lengths: np.ndarray) -> dict:
    """Contents sorted by length, in chunks of nearly one length, one behind the other. Of each token there: `content`, whose it is; `tokens`, its number when contents lie one behind the other as they came; `places`, where in
    its content it is; `valid`, whether it is one or fills a chunk up; `weights`, its share of its content's mean. `back` brings contents into the order in which they came."""
    order, starts = np.argsort(lengths, kind="stable"), np.cumsum(lengths) - lengths
    content, tokens, places, valid, weights, chunks, at, first = [], [], [], [], [], [], 0, 0
    while first < len(order):
        # Contents of a chunk are nearly of one length, long ones too.
        last = min(first + CHUNK, int(np.searchsorted(lengths[order], 1.25 * lengths[order[first]] + 2, side="right")))
        mine, first = order[first:last], last
        n, longest = len(mine), int(lengths[mine[-1]])
        mask = np.arange(longest)[None] < lengths[mine][:, None]
        content.append(mine.repeat(longest))
        tokens.append(np.where(mask, starts[mine][:, None] + np.arange(longest)[None], 0).ravel())
        places.append(np.tile(np.arange(longest), n))
        valid.append(mask.ravel())
        weights.append((mask / lengths[mine][:, None]).astype(np.float32).ravel())
        chunks.append((at, n, longest, None if mask.all() else torch.from_numpy(np.where(mask, 0, -np.inf).astype(np.float32))[:, None, None, :]))
        at += n * longest
    back = np.empty(len(order), np.int64)
    back[order] = np.arange(len(order))
    return {
        "content": np.concatenate(content), "tokens": np.concatenate(tokens), "valid": np.concatenate(valid), "places": torch.from_numpy(np.concatenate(places)), "weights": torch.from_numpy(np.concatenate(weights)),
        "chunks": chunks, "back": torch.from_numpy(back),
    }


def turns(places: torch.Tensor, head: int, base: float) -> tuple[torch.Tensor, torch.Tensor]:
    """Cosines and sines of docs/model.md section 3: places [T, axes] -> [T, head / 2], an axis turns head / 2 / axes pairs."""
    pairs = head // 2 // places.shape[1]
    angles = (places.double()[:, :, None] * base ** (-torch.arange(pairs, dtype=torch.float64) / pairs)).flatten(1)
    return angles.cos().float(), angles.sin().float()


class Norm(torch.autograd.Function):
    """x / rms(x) * g, of the type asked for; written out, because the composed one keeps four arrays of the size of x."""

    @staticmethod
    def forward(context, x, weight, type=torch.float32):
        scale = torch.rsqrt(x.square().mean(-1, keepdim=True) + EPSILON)
        context.save_for_backward(x, weight, scale)
        return (x * scale).mul_(weight).to(type)

    @staticmethod
    def backward(context, dy):
        x, weight, scale = context.saved_tensors
        normed = x * scale
        dy = dy.float()
        dweight = torch.linalg.vecdot(dy, normed, dim=0)
        dn = dy * weight
        dn.addcmul_(normed, torch.linalg.vecdot(dn, normed)[:, None], value=-1 / x.shape[-1])
        return dn.mul_(scale), dweight, None


class Attention(torch.autograd.Function):
    """Of rotated queries and keys, a chunk of texts at a time, from and to one array of all tokens: sliced and joined by autograd, each chunk would cost an array of zeros."""

    @staticmethod
    def turn(x, cos, sin, out):
        """[T, 2, heads, D]: pairs of components (i, i + D / 2), docs/model.md section 3."""
        half = x.shape[-1] // 2
        a, b = x[..., :half], x[..., half:]
        first, second = torch.mul(a, cos).addcmul_(b, sin, value=-1), torch.mul(a, sin).addcmul_(b, cos)
        out[..., :half], out[..., half:] = first, second

    @staticmethod
    def parts(array, start, count, length):
        """[T, parts, heads, D] -> parts of [count, heads, length, D]"""
        return array[start : start + count * length].view(count, length, *array.shape[1:]).permute(2, 0, 3, 1, 4)

    @staticmethod
    def forward(context, qkv, chunks, cos, sin):
        # Single precision inside: in bfloat16 flash attention's way back takes eight times as long.
        turned = torch.empty(qkv.shape).copy_(qkv)
        Attention.turn(turned[:, :2], cos, sin, turned[:, :2])
        out, sums = torch.empty(len(qkv), 1, *qkv.shape[2:]), []
        for start, count, length, mask in chunks:
            q, k, v = Attention.parts(turned, start, count, length)
            mixed, total = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu(q, k, v, 0.0, False, attn_mask=mask)
            Attention.parts(out, start, count, length)[0].copy_(mixed)
            sums.append(total)
        context.save_for_backward(turned, out, cos, sin, *sums)
        context.chunks, context.type = chunks, qkv.dtype
        return out.view(len(qkv), -1)

    @staticmethod
    def backward(context, dout):
        turned, out, cos, sin, *sums = context.saved_tensors
        gradient, dout = torch.empty_like(turned), dout.view(out.shape)
        for (start, count, length, mask), total in zip(context.chunks, sums):
            q, k, v = Attention.parts(turned, start, count, length)
            mixed, dmixed = (Attention.parts(array, start, count, length)[0] for array in (out, dout))
            found = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu_backward(dmixed, q, k, v, mixed, total, 0.0, False, attn_mask=mask)
            for to, part in zip(Attention.parts(gradient, start, count, length), found):
                to.copy_(part)
        Attention.turn(gradient[:, :2], cos, -sin, gradient[:, :2])
        return gradient.to(context.type), None, None, None


class Means(torch.autograd.Function):
    """The mean of the tokens of each text, [texts, width]."""

    @staticmethod
    def forward(context, x, weights, chunks):
        context.save_for_backward(weights)
        context.chunks, context.shape = chunks, x.shape
        return torch.cat([(weights[s : s + n * t].view(n, 1, t) @ x[s : s + n * t].view(n, t, -1))[:, 0] for s, n, t, _ in chunks])

    @staticmethod
    def backward(context, dy):
        weights, = context.saved_tensors
        dx, at = torch.empty(context.shape), 0
        for s, n, t, _ in context.chunks:
            torch.mul(weights[s : s + n * t].view(n, t, 1), dy[at : at + n, None], out=dx[s : s + n * t].view(n, t, -1))
            at += n
        return dx, None, None


class Block(nn.Module):
    def __init__(self, mlp: int, heads: int):
        super().__init__()
        self.heads = heads
        self.attention_norm, self.mlp_norm = nn.Parameter(torch.ones(WIDTH)), nn.Parameter(torch.ones(WIDTH))
        self.qkv, self.output = nn.Linear(WIDTH, 3 * WIDTH, bias=False), nn.Linear(WIDTH, WIDTH, bias=False)
        self.up, self.down = nn.Linear(WIDTH, mlp, bias=False), nn.Linear(mlp, WIDTH, bias=False)
        for layer in (self.qkv, self.up):
            nn.init.normal_(layer.weight, std=layer.in_features ** -0.5)
        for layer in (self.output, self.down):
            # A block begins as nothing: random ones, however small, took 0.04 of the words' cosine to their teachers.
            nn.init.zeros_(layer.weight)

    def forward(self, x, chunks, cos, sin):
        qkv = linear(Norm.apply(x, self.attention_norm, Products.type), self.qkv.weight).view(len(x), 3, self.heads, -1)
        x = x + linear(Attention.apply(qkv, chunks, cos, sin), self.output.weight)
        return x + linear(F.gelu(linear(Norm.apply(x, self.mlp_norm, Products.type), self.up.weight), approximate="tanh"), self.down.weight)
