"""Seconds of one check in a process of its own, where nothing is compiled yet.

    python -m planted.stopwatch WHO SIZES

The network has tanh and softmax cross-entropy on 32 examples. The time has compiling, but not the
imports.
"""

import os
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

from planted.backward import gradient
from planted.networks import Case, Network, case_of


def seconds(who: str, sizes: tuple[int, ...]) -> float:
    """Return the seconds of a check by `who`, "fnn" or "torch", in a fresh process."""
    benchmarks = str(Path(__file__).parents[1])
    paths = [benchmarks, *filter(None, sys.path)]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(paths)}
    command = [sys.executable, "-m", "planted.stopwatch", who, *map(str, sizes)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return float(done.stdout)


def time_fnn(case: Case) -> float:
    """Time a call of `fnn.check_gradient`."""
    import jax

    import fnn
    from planted.networks import loss

    with jax.enable_x64(True):
        params = jax.tree.map(jax.numpy.asarray, case.params)
    check = fnn.check_gradient  # imports its modules
    start = time.perf_counter()
    report = check(partial(loss, case), partial(gradient, case), params)
    elapsed = time.perf_counter() - start
    assert report.passed, report
    return elapsed


def time_torch(case: Case) -> float:
    """Time `torch.autograd.gradcheck` in slow mode: forward in torch, backward in NumPy."""
    import torch

    x, y = torch.tensor(case.x.T), torch.tensor(case.y.argmax(axis=0))

    class Loss(torch.autograd.Function):
        @staticmethod
        def forward(ctx, *leaves):
            ctx.leaves = leaves
            a = x
            for k in range(0, len(leaves), 2):
                a = (torch.tanh(a) if k else a) @ leaves[k].T + leaves[k + 1]
            return torch.nn.functional.cross_entropy(a, y)

        @staticmethod
        def backward(ctx, c):
            arrays = [leaf.detach().numpy() for leaf in ctx.leaves]
            params = [{"W": W, "b": b} for W, b in zip(arrays[::2], arrays[1::2], strict=True)]
            return tuple(
                c * torch.tensor(layer[name])
                for layer in gradient(case, params)
                for name in ("W", "b")
            )

    leaves = tuple(
        torch.tensor(layer[name], requires_grad=True)
        for layer in case.params
        for name in ("W", "b")
    )
    start = time.perf_counter()
    assert torch.autograd.gradcheck(Loss.apply, leaves)
    return time.perf_counter() - start


if __name__ == "__main__":
    network = Network(tuple(map(int, sys.argv[2:])), "tanh", "softmax", "cross-entropy", 32)
    print({"fnn": time_fnn, "torch": time_torch}[sys.argv[1]](case_of(network, 0)))
