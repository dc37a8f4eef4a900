"""The cell of lesson 6, and how it is judged.

Answer to the question: its rate must stay below 2/λ = 1 because of the steep direction. Along the
flat direction such a rate is small: each step takes only 2% off the way that is left. At a larger
rate the path diverges across the valley.
"""

import numpy as np

from judging import Verdict, by_values


# %% your cell
def adam_step(theta, m, v, g, t, rate=0.3, b1=0.9, b2=0.999, eps=1e-8):
    """Return the new theta, m and v."""
    m = b1 * m + (1 - b1) * g
    v = b2 * v + (1 - b2) * g**2
    m_hat = m / (1 - b1**t)
    v_hat = v / (1 - b2**t)
    return theta - rate * m_hat / (np.sqrt(v_hat) + eps), m, v


# %% how it is judged
SOLUTION = adam_step


def variant(
    corrected=True, square=lambda g: g**2, size=np.sqrt, sign=-1, weights=(0.1, 0.001), late=0
):
    """Return a step of Adam with one part exchanged."""

    def wrong(theta, m, v, g, t):
        m = 0.9 * m + weights[0] * g
        v = 0.999 * v + weights[1] * square(g)
        m_hat = m / (1 - 0.9 ** (t - late)) if corrected else m
        v_hat = v / (1 - 0.999 ** (t - late)) if corrected else v
        return theta + sign * 0.3 * m_hat / (size(v_hat) + 1e-8), m, v

    return wrong


def swapped(theta, m, v, g, t):
    """Use β₂ for m and β₁ for v."""
    return adam_step(theta, m, v, g, t, b1=0.999, b2=0.9)


MISTAKES = {
    "You forgot the bias correction: divide m by 1 − β₁ᵗ and v by 1 − β₂ᵗ. Without it the first "
    "step is 3.16 times too long.": variant(corrected=False),
    "v is the running mean of g², not of g. √v is no number where g < 0 (one document prints it "
    "so: claim 4.30).": variant(square=lambda g: g),
    "You forgot the root: divide by √v̂ + ε.": variant(size=lambda v: v),
    "The sign is turned: descent subtracts the step.": variant(sign=1),
    "You forgot the factors 1 − β₁ and 1 − β₂ in front of g and g².": variant(weights=(1, 1)),
    "You swapped the two: β₁ = 0.9 belongs to m and β₂ = 0.999 to v.": swapped,
    "t counts from 1. With t − 1 the first step divides by zero.": variant(late=1),
}


def verdict(answer) -> Verdict:
    """Judge the point, m and v after one step, and then after five."""
    gradients = np.random.default_rng(0).normal(size=(5, 3))

    def walk(steps):
        """Return the case of that many steps."""

        def case(step):
            theta, m, v = np.ones(3), np.zeros(3), np.zeros(3)
            for t, g in enumerate(gradients[:steps], start=1):
                theta, m, v = step(theta, m, v, g, t)
                if any(part is ... for part in (theta, m, v)):
                    break
            return theta, m, v

        return case

    found = by_values(answer, adam_step, [walk(1), walk(5)], MISTAKES)
    praise = "Five steps agree with Adam as Kingma and Ba have it."
    return found._replace(message=praise) if found.right else found
