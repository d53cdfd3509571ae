"""Words of torch that the detectors go by."""

from __future__ import annotations


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# What an attribute or method of a tensor gives that is not a tensor.
PLAIN = _words(
    """
    shape dtype device requires_grad ndim is_leaf layout _version grad_fn is_cuda names size
    dim item tolist numel stride is_contiguous type element_size data_ptr is_floating_point
    get_device ndimension nelement storage_offset numpy is_complex is_cpu itemsize nbytes
    untyped_storage storage
    """
)

# Beginnings of names under ``torch.`` that give no tensor of the graph.
NOT_TENSORS = _words(
    """
    is_ get_ finfo iinfo Size device dtype no_grad enable_grad inference_mode autocast
    Generator numel broadcast_shapes result_type promote_types random. backends. jit. compile
    func. autograd. utils. cuda. set_ manual_seed float int bool long half double
    strided contiguous_format preserve_format save load version __version__ typing ops.
    initial_seed seed
    """
)

# Attributes and methods whose results share memory with the tensor, or may.
VIEWS = _words(
    """
    view reshape detach t transpose permute squeeze unsqueeze contiguous flatten expand
    expand_as narrow chunk split unbind select diagonal view_as to float double half bfloat16
    type_as swapaxes swapdims movedim unflatten ravel data T mT H mH real imag as_strided
    requires_grad_ unfold cpu cuda alias
    """
)

# Methods that end in an underscore and leave the values alone.
HARMLESS = _words("requires_grad_ retain_grad_ rename_ share_memory_")

# Annotations of parameters that are not tensors.
SCALARS = _words("int float bool str Callable tuple list dict")

# Beginnings of dotted names that autograd sees through, and those among them that it does not.
TRANSPARENT = _words("torch math len range tuple list sum float int staticmethod")
OPAQUE = ("torch.ops", "torch.no_grad", "torch.utils", "torch.classes")

# Methods that it does not see through.
OPAQUE_METHODS = _words(
    """
    numpy detach item tolist data_ptr apply cpu round mark_dirty mark_non_differentiable
    """
)

# Methods that show their owner to be a tensor.
TENSOR_METHODS = _words(
    """
    clamp relu sigmoid tanh exp log sum mean var clone detach view reshape mul add sub div
    matmul mm t numel requires_grad_ contiguous sqrt rsqrt pow abs unsqueeze squeeze dim size
    """
)
