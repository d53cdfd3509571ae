"""Frames on the socket: a JSON header and raw tensor bytes, never pickle.

frame  := u32 header length | u32 body length | header | body
header := UTF-8 JSON; tensors are listed under "tensors" as [dtype, shape]
body   := the tensors' elements, C order, little endian, each tensor filled up with
          zeros to a multiple of eight bytes
"""

import json
import math
import struct
from collections.abc import Mapping
from itertools import groupby
from operator import itemgetter

import torch

PREFIX = struct.Struct("<II")
DTYPES = {
    "float64": torch.float64,
    "float32": torch.float32,
    "float16": torch.float16,
    "bfloat16": torch.bfloat16,
    "int64": torch.int64,
    "bool": torch.bool,
}
NAMES = {dtype: name for name, dtype in DTYPES.items()}
# Far beyond any honest frame, and few enough to be made in no time.
MOST_TENSORS = 1 << 14
MOST_ELEMENTS = 1 << 40
# Every tensor starts where any dtype may, so that it can be read where it lies.
ALIGNED = 8


class WireError(ValueError):
    """Bytes that are not a frame, or not the frame that was asked for."""


def tensor_bytes(tensor: torch.Tensor) -> bytes:
    """Elements of ``tensor`` in C order."""
    plain = tensor.detach().resolve_neg()
    if plain.dtype is torch.bfloat16:  # numpy has no such type
        plain = plain.view(torch.int16)
    return plain.numpy().tobytes()


def described(tensor: torch.Tensor) -> list[object]:
    """``[dtype, shape]``. Raises ``WireError`` for a dtype that does not travel."""
    if tensor.dtype not in NAMES:
        raise WireError(f"dtype {tensor.dtype} does not travel")
    return [NAMES[tensor.dtype], list(tensor.shape)]


def packed(tensors: list[torch.Tensor]) -> bytes:
    """The body of a frame with these tensors."""
    parts = []
    for tensor in tensors:
        part = tensor_bytes(tensor)
        parts += [part, bytes(-len(part) % ALIGNED)]
    return b"".join(parts)


def frame(head: bytes, body: bytes) -> bytes:
    """Header and body with their lengths before them."""
    return PREFIX.pack(len(head), len(body)) + head + body


def encode(header: Mapping[str, object], tensors: list[torch.Tensor]) -> bytes:
    """One frame. Raises ``WireError`` for a dtype that does not travel."""
    metas = [described(tensor) for tensor in tensors]
    return frame(json.dumps({**header, "tensors": metas}).encode(), packed(tensors))


def decode(head: bytes, body: bytearray) -> tuple[dict[str, object], list[torch.Tensor]]:
    """Header and tensors of a frame; every length is checked before it is used.

    The tensors lie in ``body`` itself.
    """
    try:
        header = json.loads(head)
    except (ValueError, RecursionError) as error:
        raise WireError(f"header is not JSON: {error}") from None
    if not isinstance(header, dict) or not isinstance(header.get("tensors"), list):
        raise WireError("header is not an object that lists its tensors")
    if len(header["tensors"]) > MOST_TENSORS:
        raise WireError(f"more than {MOST_TENSORS} tensors")
    metas = [_meta(meta) for meta in header.pop("tensors")]
    tensors: list[torch.Tensor] = []
    offset = 0
    for dtype, run in groupby(metas, key=itemgetter(0)):
        shapes = [shape for _, shape in run]
        counts = [math.prod(shape) for shape in shapes]
        filled = [count + -count % (ALIGNED // dtype.itemsize) for count in counts]
        size = sum(filled) * dtype.itemsize
        if size > len(body) - offset:
            raise WireError("body is shorter than its tensors")
        if not size:
            tensors += [torch.empty(shape, dtype=dtype) for shape in shapes]
            continue
        read = torch.uint8 if dtype is torch.bool else dtype
        whole = torch.frombuffer(body, dtype=read, count=sum(filled), offset=offset)
        if dtype is torch.bool:  # a byte of 2 is no truth value
            whole = whole != 0
        pieces = whole.split_with_sizes(filled)
        for piece, shape, count, room in zip(pieces, shapes, counts, filled, strict=True):
            tensors.append((piece if room == count else piece[:count]).view(shape))
        offset += size
    if offset != len(body):
        raise WireError("body is longer than its tensors")
    return header, tensors


def opened(whole: bytes) -> tuple[dict[str, object], list[torch.Tensor]]:
    """Header and tensors of a frame that is here as a whole."""
    head_bytes, _ = PREFIX.unpack(whole[: PREFIX.size])
    body = PREFIX.size + head_bytes
    return decode(whole[PREFIX.size : body], bytearray(whole[body:]))


def _meta(meta: object) -> tuple[torch.dtype, list[int]]:
    if not isinstance(meta, list) or len(meta) != 2:
        raise WireError("a tensor is described as [dtype, shape]")
    name, shape = meta
    if not isinstance(name, str) or name not in DTYPES:
        raise WireError("unknown dtype")
    if not isinstance(shape, list) or len(shape) > 8:
        raise WireError("a shape is a list of at most eight sizes")
    for size in shape:
        if type(size) is not int or size < 0:
            raise WireError("a size is a non-negative integer")
    # Empty tensors have strides too, which must not overflow.
    if math.prod(shape if 0 not in shape else [size or 1 for size in shape]) > MOST_ELEMENTS:
        raise WireError("a shape is too large")
    return DTYPES[name], shape
