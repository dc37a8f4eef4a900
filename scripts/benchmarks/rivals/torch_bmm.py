"""PyTorch with all networks at once, as one ensemble of batched matrix products."""

from itertools import pairwise

import numpy as np
import torch
from torch import nn

from rivals.case import LEARNING_RATE, Case, Problem


def prepare(case: Case, problem: Problem, runs: int):
    """Return a function that gives the test accuracies (runs, epochs)."""
    train, validation, test = (
        (torch.tensor(x), torch.tensor(y.astype(np.int64))) for x, y in problem
    )

    def logits_of(params: list[torch.Tensor], x: torch.Tensor) -> torch.Tensor:
        for k in range(0, len(params), 2):
            x = torch.baddbmm(params[k + 1], torch.relu(x) if k else x, params[k])
        return x

    def loss_of(logits: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        each = nn.functional.cross_entropy(logits.flatten(0, 1), y.flatten(), reduction="none")
        return each.view(runs, -1).mean(1)

    def run() -> np.ndarray:
        torch.manual_seed(0)
        params = []
        for a, b in pairwise(case.sizes):
            params += [torch.randn(runs, a, b) * (2 / a) ** 0.5, torch.zeros(runs, 1, b)]
        params = [p.requires_grad_() for p in params]
        optimizer = torch.optim.Adam(params, LEARNING_RATE, fused=True)
        history = []
        for _ in range(case.epochs):
            total = torch.zeros(runs)
            for rows in torch.rand(runs, case.examples).argsort(1).split(case.batch_size, dim=1):
                optimizer.zero_grad()
                losses = loss_of(logits_of(params, train[0][rows]), train[1][rows])
                losses.sum().backward()
                optimizer.step()
                total += losses.detach() * rows.shape[1]
            row = {"train_loss": (total / case.examples).numpy()}
            with torch.no_grad():
                for name, (x, y) in (("validation", validation), ("test", test)):
                    logits = logits_of(params, x.expand(runs, -1, -1))
                    row[f"{name}_loss"] = loss_of(logits, y.expand(runs, -1)).numpy()
                    row[f"{name}_accuracy"] = (logits.argmax(2) == y).float().mean(1).numpy()
            history.append(row)
        return np.stack([row["test_accuracy"] for row in history], axis=1)

    return run
