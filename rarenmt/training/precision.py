"""Which number format trains faster on this machine.

bfloat16 has matrix units on many CPUs and on GPUs; on a CPU that only converts it, float32 is
faster by a half.
"""

import time

import torch

ROWS, INPUTS, OUTPUTS = 400, 512, 2048
"""A step of an LSTM layer, as a matrix product."""


def bfloat16_is_faster(device: torch.device) -> bool:
    """Whether a matrix product takes less time in bfloat16 than in float32; on a GPU, always."""
    return device.type != "cpu" or _seconds(torch.bfloat16) < _seconds(torch.float32)


def mixed_precision(device: torch.device, enabled: bool) -> torch.autocast:
    """A context that computes in bfloat16, if enabled."""
    return torch.autocast(device.type, torch.bfloat16, enabled=enabled)


def _seconds(dtype: torch.dtype) -> float:
    """CPU time of a product, the minimum of nine measurements, as the core may be shared."""
    rows, weights = torch.ones(ROWS, INPUTS, dtype=dtype), torch.ones(OUTPUTS, INPUTS, dtype=dtype)
    times = []
    for _ in range(9):
        begin = time.process_time()
        for _ in range(4):
            torch.nn.functional.linear(rows, weights)
        times.append(time.process_time() - begin)
    return min(times)
