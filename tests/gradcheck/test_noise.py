"""The noise floor: NumPy and a compiled program measure the same, and NumPy only where it can."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from fnn.gradcheck import noise, reference
from fnn.gradcheck.flat_jaxpr import is_for_numpy
from fnn.gradcheck.problem import problem_of
from tests.jax_events import jax_events

RNG = np.random.default_rng(0)
X = RNG.normal(size=(12, 7))
LABELS = RNG.integers(0, 3, 12)
PARAMS = {
    "W": RNG.normal(size=(7, 3)).astype(np.float32).astype(np.float64),
    "b": RNG.normal(size=3).astype(np.float32).astype(np.float64),
}


def logits(params):
    return X @ params["W"] + params["b"][None]


def cross_entropy(params):
    log_p = jax.nn.log_softmax(logits(params))
    return -jnp.mean(log_p[jnp.arange(12), LABELS])


def hinge(params):
    z = logits(params)
    of_labels = z[jnp.arange(12), LABELS]
    margins = jnp.maximum(0.0, 1 + z - of_labels[:, None])
    return jnp.mean(jnp.sum(margins, axis=1)) + 0.1 * jnp.sum(params["W"] ** 2)


def standardised(params):
    z = logits(params)
    centred = z - z.mean(0, keepdims=True)
    normal = centred / jnp.sqrt(z.var(0, keepdims=True) + 1e-5)
    return jnp.sum(jnp.tanh(normal) ** 3)


def sorted_and_rounded(params):
    z = jnp.sort(logits(params), axis=0)
    return jnp.sum(jnp.cumsum(z, axis=0) * jnp.floor(z)) + jax.nn.logsumexp(z)


def random_mask(params):
    mask = jax.random.bernoulli(jax.random.key(0), 0.5, (12, 3))
    return jnp.sum(jnp.where(mask, logits(params), 0.0) ** 2)


def stacked_keys(params):
    keys = jnp.stack([jax.random.key(0), jax.random.key(1)])
    chosen = jnp.where(jnp.arange(2) > 0, keys, jax.random.key(2))
    masks = jax.vmap(lambda key: jax.random.bernoulli(key, 0.5, (12, 3)))(chosen)
    return jnp.sum(jnp.where(masks, logits(params)[None], 0.0) ** 2)


def masked_by_the_least_number(params):
    """Overflow where nothing is selected, of which NumPy would tell."""
    mask = jnp.where(X[:, :3] > 0, 0.0, jnp.finfo(jnp.float64).min)
    return jnp.sum(jax.nn.softmax(logits(params) + mask) ** 2)


def looped(params):
    total, _ = jax.lax.scan(lambda c, row: (jnp.tanh(c + row), None), jnp.zeros(3), logits(params))
    return jnp.sum(total)


def narrow_inside(params):
    return jnp.sum(jnp.tanh(logits(params).astype(jnp.float32))).astype(jnp.float64)


def convolved(params):
    return jnp.sum(jnp.convolve(params["b"], jnp.arange(4.0)) ** 2)


BY_NUMPY = [cross_entropy, hinge, standardised, sorted_and_rounded, random_mask]
BY_NUMPY += [stacked_keys, masked_by_the_least_number]


def reference_and_way(loss):
    """Return the reference in the precision of float32, whose noise stands out, and how it came."""
    with jax.enable_x64(True):
        problem = problem_of(loss, jax.grad(loss), PARAMS, None, "float32")
        found = reference.reference_of(problem)
    _, flats, _ = problem.programs["reference"]
    return found, all(map(is_for_numpy, flats))


@pytest.mark.parametrize("loss", BY_NUMPY)
@pytest.mark.filterwarnings("error::RuntimeWarning")
def test_numpy_measures_what_a_compiled_program_measures(loss, monkeypatch):
    ours, by_numpy = reference_and_way(loss)
    assert by_numpy
    monkeypatch.setattr(noise, "is_for_numpy", lambda flat: False)
    compiled, _ = reference_and_way(loss)
    for name, tolerance in (("gradient", 1e-12), ("noise", 1e-5)):
        own, other = (
            np.concatenate(list(map(np.ravel, getattr(r, name)))) for r in (ours, compiled)
        )
        np.testing.assert_allclose(own, other, atol=tolerance * np.max(np.abs(other)), rtol=0)
    assert 0.1 < ours.loss_noise / compiled.loss_noise < 10  # roundings of float64 themselves
    assert ours.ties == compiled.ties


@pytest.mark.parametrize("loss", [looped, narrow_inside, convolved])
def test_loops_and_narrow_numbers_are_compiled(loss):
    found, by_numpy = reference_and_way(loss)
    assert not by_numpy
    with jax.enable_x64(True):
        expected = jax.grad(loss)({name: jnp.asarray(leaf) for name, leaf in PARAMS.items()})
    for own, other in zip(found.gradient, jax.tree.leaves(expected), strict=True):
        np.testing.assert_allclose(own, other, rtol=1e-5, atol=1e-6)


def test_noise_follows_what_cancels():
    """A sum whose terms cancel is as noisy as the terms; the sum of their squares is not."""

    def cancels(x):
        return jnp.sum((x + 1e6) ** 2 - 1e12)

    noises = []
    for loss in (cancels, lambda x: jnp.sum(x**2)):
        with jax.enable_x64(True):
            problem = problem_of(loss, jax.grad(loss), np.array([0.5, -2.0]), None, "float32")
            found = reference.reference_of(problem)
        noises.append(np.max(found.noise[0]))
    cancelling, plain = noises
    assert cancelling > 1e-2
    assert plain < 1e-5


@pytest.mark.parametrize("loss", [standardised, looped])
def test_only_a_loop_is_compiled(loss):
    with jax.enable_x64(True):
        problem = problem_of(loss, jax.grad(loss), PARAMS, None, "float64")
        reference.trace(problem.loss, problem.leaves)  # a function that loss calls may compile
        with jax_events("backend_compile") as compiled:
            reference.reference_of(problem)
    assert bool(compiled) == (loss is looped)
