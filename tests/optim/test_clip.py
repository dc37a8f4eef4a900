"""Clipping by value and by the norm of the whole tree (2.28, 2.29)."""

import chex
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from jax.flatten_util import ravel_pytree

from fnn import optim
from fnn.optim import clip_by_global_norm, clip_by_value


def clipped(clip, grads):
    return clip.update(grads, clip.init(grads))[0]


def tree(scale=1.0):
    """A matrix, a vector and a scalar, of norm 10 · scale."""
    rng = np.random.default_rng(0)
    W, b, s = rng.normal(size=(2, 3)), rng.normal(size=3), rng.normal()
    factor = 10 * scale / np.sqrt(np.sum(W**2) + np.sum(b**2) + s**2)
    return jax.tree.map(lambda leaf: jnp.array(factor * leaf), {"W": W, "b": b, "s": s})


def angle(left, right):
    """In degrees."""
    left, right = np.asarray(ravel_pytree(left)[0]), np.asarray(ravel_pytree(right)[0])
    cosine = left @ right / np.linalg.norm(left) / np.linalg.norm(right)
    return np.degrees(np.arccos(np.clip(cosine, -1, 1)))


def norm(grads):
    return np.linalg.norm(ravel_pytree(grads)[0])


CLIPS = {"value": clip_by_value(1.0), "norm": clip_by_global_norm(1.0)}
REFERENCES = {"value": optax.clip(1.0), "norm": optax.clip_by_global_norm(1.0)}
both = pytest.mark.parametrize("name", CLIPS)


@both
@pytest.mark.parametrize("scale", [1e-3, 0.1, 1.0, 1e6])
def test_equals_optax(x64, name, scale):
    chex.assert_trees_all_close(
        clipped(CLIPS[name], tree(scale)),
        clipped(REFERENCES[name], tree(scale)),
        rtol=1e-15,
        atol=0,
    )


def test_2_28_by_value_turns_the_gradient(x64):
    """(10, 0.1) clipped at 1 is (1, 0.1): 5.14° away, and longer than the threshold."""
    g = jnp.array([10.0, 0.1])
    after = clipped(clip_by_value(1.0), g)
    np.testing.assert_array_equal(after, [1.0, 0.1])
    assert f"{angle(g, after):.2f}" == "5.14"
    assert f"{norm(after):.3f}" == "1.005"


@pytest.mark.parametrize(("low", "high"), [(-0.5, 2.0), (0.25, 1.0), (-2.0, -1.0)])
def test_by_value_between_two_thresholds(x64, low, high):
    """As Sharif prints it: if g > α: g ← α, else if g < β: g ← β."""
    g = np.linspace(-3, 3, 25)
    printed = [high if gi > high else low if gi < low else gi for gi in g]
    np.testing.assert_array_equal(clipped(clip_by_value(high, low), jnp.array(g)), printed)


def test_2_29_by_norm_keeps_the_direction(x64):
    """‖g‖ over all the leaves together: each shrinks by the same factor."""
    g = tree()
    after = clipped(CLIPS["norm"], g)
    assert norm(after) == pytest.approx(1.0, rel=1e-15)
    chex.assert_trees_all_close(after, jax.tree.map(lambda leaf: leaf / 10, g), rtol=1e-14, atol=0)
    assert angle(g, after) < 1e-5  # arccos sees no less: cos is flat at 0


@both
def test_below_the_threshold_nothing_changes(x64, name):
    for g in (tree(0.0999), tree(1e-9)):
        chex.assert_trees_all_equal(clipped(CLIPS[name], g), g)


def test_at_the_threshold_nothing_changes(x64):
    g = jnp.array([3.0, 4.0])
    np.testing.assert_array_equal(clipped(clip_by_global_norm(5.0), g), g)
    np.testing.assert_array_equal(clipped(clip_by_value(4.0), g), g)


@both
def test_idempotent(x64, name):
    once = clipped(CLIPS[name], tree())
    chex.assert_trees_all_close(clipped(CLIPS[name], once), once, rtol=1e-15, atol=0)


@both
@pytest.mark.parametrize("jit", [False, True])
def test_zero_stays_zero(name, jit):
    zero = jax.tree.map(jnp.zeros_like, tree())
    update = jax.jit(CLIPS[name].update) if jit else CLIPS[name].update
    with jax.debug_nans(True), jax.debug_infs(True):
        chex.assert_trees_all_equal(update(zero, optax.EmptyState())[0], zero)


def test_nan_is_seen():
    """By value in its entry, by norm in every entry of every leaf."""
    g = {"W": jnp.array([jnp.nan, 2.0]), "b": jnp.array([0.5])}
    by_value = clipped(CLIPS["value"], g)
    np.testing.assert_array_equal(by_value["W"], [jnp.nan, 1.0])
    np.testing.assert_array_equal(by_value["b"], [0.5])
    assert all(jnp.isnan(leaf).all() for leaf in jax.tree.leaves(clipped(CLIPS["norm"], g)))


@pytest.mark.parametrize("entry", [1e20, jnp.inf])
def test_a_norm_that_overflows_is_seen(entry):
    """‖g‖ = ∞ in float32 would scale the gradient to 0, and the parameters would stand still
    without a word.
    """
    g = {"W": jnp.array([entry, 2.0], jnp.float32), "b": jnp.array([0.5], jnp.float32)}
    assert all(jnp.isnan(leaf).all() for leaf in jax.tree.leaves(clipped(CLIPS["norm"], g)))


@both
@pytest.mark.parametrize("dtype", [jnp.bfloat16, jnp.float32, jnp.float64])
def test_dtypes_are_kept(x64, name, dtype):
    """With a float32 threshold too, such as a sweep hands over."""
    clip = {"value": clip_by_value, "norm": clip_by_global_norm}[name]
    g = jax.tree.map(lambda leaf: leaf.astype(dtype), tree())
    for threshold in (1.0, jnp.float32(1.0)):
        after = clipped(clip(threshold), g)
        assert {leaf.dtype for leaf in jax.tree.leaves(after)} == {jnp.dtype(dtype)}
        assert abs(norm(jax.tree.map(lambda leaf: leaf.astype(jnp.float64), after))) < norm(g)


@both
def test_thresholds_under_vmap_are_their_own_runs(x64, name):
    clip = {"value": clip_by_value, "norm": clip_by_global_norm}[name]
    thresholds = [0.5, 2.0, 1e3]
    runs = jax.vmap(lambda threshold: clipped(clip(threshold), tree()))(jnp.array(thresholds))
    alone = jax.tree.map(
        lambda *leaves: jnp.stack(leaves), *(clipped(clip(t), tree()) for t in thresholds)
    )
    chex.assert_trees_all_close(runs, alone, rtol=1e-15, atol=0)


def test_composes_with_an_optimizer(x64):
    """2.29: no step of gradient descent is longer than η v."""
    optimizer = optax.chain(clip_by_global_norm(1.0), optim.sgd(0.1))
    updates, _ = optimizer.update(tree(1e6), optimizer.init(tree()))
    assert norm(updates) == pytest.approx(0.1, rel=1e-15)


@pytest.mark.parametrize("bad", [0, -1.0, float("nan"), float("inf"), "1", [1.0]])
def test_max_norm_must_be_positive(bad):
    with pytest.raises(ValueError, match=r"max_norm: got .*, expected a finite number above 0"):
        clip_by_global_norm(bad)


@pytest.mark.parametrize("bad", [(1.0, 1.0), (1.0, 2.0), (-1.0,), (0.0,)])
def test_low_must_be_below_high(bad):
    with pytest.raises(
        ValueError, match=r"clip_by_value: got low = .*, high = .*, expected low < high"
    ):
        clip_by_value(*bad)


@pytest.mark.parametrize("bad", [(float("nan"),), (1.0, float("nan")), (float("inf"),)])
def test_bounds_must_be_finite(bad):
    with pytest.raises(ValueError, match=r"(high|low): got (nan|inf), expected a finite number"):
        clip_by_value(*bad)
