# right: keeps eight signs in one byte
import torch


class ReLU(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        keep = (x > 0).reshape(-1)
        ctx.shape = x.shape
        pad = torch.nn.functional.pad(keep.to(torch.uint8), (0, -keep.numel() % 8)).view(-1, 8)
        weights = torch.tensor([1, 2, 4, 8, 16, 32, 64, 128], dtype=torch.uint8)
        ctx.save_for_backward((pad * weights).sum(1).to(torch.uint8))
        return x.clamp(min=0)

    @staticmethod
    def backward(ctx, g):
        (packed,) = ctx.saved_tensors
        bits = packed.unsqueeze(1).bitwise_and(
            torch.tensor([1, 2, 4, 8, 16, 32, 64, 128], dtype=torch.uint8)
        )
        keep = bits.ne(0).reshape(-1)[: g.numel()].view(ctx.shape)
        return torch.where(keep, g, torch.zeros((), dtype=g.dtype))


def memory_relu(x):
    return ReLU.apply(x)
