"""The cell of lesson 2, and how it is judged.

Answer to the question: the squared error. Its slope is twice the error and grows without a limit;
the slopes of the other two stay between −1 and 1.
"""

import numpy as np

from judging import Verdict, by_values


# %% your cell
def cross_entropy(logits, labels):
    """Return the mean loss. logits is (examples, classes), labels is (examples,) of integers."""
    shifted = logits - logits.max(axis=1, keepdims=True)
    log_p = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    return -np.mean(log_p[np.arange(len(labels)), labels])


# %% how it is judged
SOLUTION = cross_entropy


def log_probabilities(logits):
    """Return log p, (examples, classes)."""
    shifted = logits - logits.max(axis=1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))


def of_labels(logits, labels):
    """Return log p of each example's label."""
    return log_probabilities(logits)[np.arange(len(labels)), labels]


def overflowing(logits, labels):
    """Take exp of the logits as they are."""
    p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    return -np.mean(np.log(p[np.arange(len(labels)), labels]))


def over_columns(logits, labels):
    """Make the probabilities of a column sum to 1."""
    return cross_entropy_of(log_probabilities(logits.T).T, labels)


def cross_entropy_of(log_p, labels):
    """Return the mean loss of log p."""
    return -np.mean(log_p[np.arange(len(labels)), labels])


MISTAKES = {
    "You forgot the 1/N: the loss is the mean over the examples, not the sum.": lambda z, t: (
        -of_labels(z, t).sum()
    ),
    "You forgot the minus. log p is at most 0, and a loss is at least 0.": lambda z, t: np.mean(
        of_labels(z, t)
    ),
    "You averaged −log p over all classes. Only the label's class counts: "
    "log_p[np.arange(N), labels].": lambda z, t: -np.mean(log_probabilities(z)),
    "You averaged the probability itself. Take −log of it first.": lambda z, t: np.mean(
        np.exp(of_labels(z, t))
    ),
    "The probabilities of each example must sum to 1: sum over axis=1, the classes.": over_columns,
    "exp(1000) overflows, and inf/inf is no number. Subtract the largest logit of each row "
    "first.": overflowing,
}


def verdict(answer) -> Verdict:
    """Judge on small logits, and then on large ones."""
    logits = np.random.default_rng(0).normal(size=(3, 3))
    labels = np.array([0, 2, 2])
    cases = [lambda f: f(logits, labels), lambda f: f(1000 * logits, labels)]
    found = by_values(answer, cross_entropy, cases, MISTAKES)
    praise = "This is the mean cross-entropy, and it does not overflow."
    return found._replace(message=praise) if found.right else found
