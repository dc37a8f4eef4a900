"""PyTorch with one network after the other, eagerly.

Tensors are in memory, without a DataLoader, and Adam is the fused one.
"""

from itertools import pairwise

import numpy as np
import torch
from torch import nn

from rivals.case import LEARNING_RATE, Case, Problem

THREADED = 2**16  # weights of the largest layer from which two threads beat one


def prepare(case: Case, problem: Problem, runs: int):
    """Return a function that gives the test accuracies (runs, epochs)."""
    largest = max(a * b for a, b in pairwise(case.sizes))
    torch.set_num_threads(torch.get_num_threads() if largest >= THREADED else 1)
    train, validation, test = (
        (torch.tensor(x), torch.tensor(y.astype(np.int64))) for x, y in problem
    )

    def one(seed: int) -> list[float]:
        torch.manual_seed(seed)
        parts: list[nn.Module] = []
        for a, b in pairwise(case.sizes):
            parts += [nn.Linear(a, b), nn.ReLU()]
        net = nn.Sequential(*parts[:-1])
        optimizer = torch.optim.Adam(net.parameters(), LEARNING_RATE, fused=True)
        history = []
        for _ in range(case.epochs):
            total = torch.zeros(())
            for rows in torch.randperm(case.examples).split(case.batch_size):
                optimizer.zero_grad()
                loss = nn.functional.cross_entropy(net(train[0][rows]), train[1][rows])
                loss.backward()
                optimizer.step()
                total += loss.detach() * len(rows)
            history.append({"train_loss": total.item() / case.examples})
            with torch.no_grad():
                for name, (x, y) in (("validation", validation), ("test", test)):
                    logits = net(x)
                    history[-1][f"{name}_loss"] = nn.functional.cross_entropy(logits, y).item()
                    history[-1][f"{name}_accuracy"] = (logits.argmax(1) == y).float().mean().item()
        return [row["test_accuracy"] for row in history]

    return lambda: np.array([one(seed) for seed in range(runs)])
