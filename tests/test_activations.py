"""Every activation against its jax.nn counterpart, and every derivative against that of
the value.
"""

import math
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from fnn import activations
from fnn.course import printed
from fnn.gradcheck import check_gradient
from fnn.testing import assert_gradient, assert_vjp

SMOOTHLY_TRAINED = [
    a for a in activations.REGISTRY.values() if a.product is None and a.name != "step"
]
VARIANTS = [activations.make_leaky_relu(0.2), activations.make_elu(0.5), activations.make_elu(2.0)]
ELEMENTWISE = SMOOTHLY_TRAINED + VARIANTS
NUMBERED = {f"{activation.name} {i}": activation for i, activation in enumerate(ELEMENTWISE)}
COUNTERPARTS = {
    "identity": lambda z: z,
    "relu": jax.nn.relu,
    "leaky_relu": jax.nn.leaky_relu,
    "elu": jax.nn.elu,
    "selu": jax.nn.selu,
    "gelu": partial(jax.nn.gelu, approximate=False),
    "gelu_tanh": partial(jax.nn.gelu, approximate=True),
    "silu": jax.nn.silu,
    "sigmoid": jax.nn.sigmoid,
    "tanh": jnp.tanh,
    "softplus": jax.nn.softplus,
    "softmax": partial(jax.nn.softmax, axis=0),
    "step": lambda z: jnp.heaviside(z, 1.0),
}

pytestmark = pytest.mark.usefixtures("x64")


def samples(activation, n=400):
    """An even number of evenly spaced points is symmetric about 0 without containing it; none lies
    on another kink either.
    """
    z = np.linspace(*activation.domain, n)
    for kink in (0.0, *activation.kinks):
        assert (np.abs(z - kink) > 1e-3).all(), f"a sample lies on the kink {kink} of {activation}"
    return jnp.asarray(z)


def logits(seed=0, shape=(4, 6)):
    return jnp.asarray(np.random.default_rng(seed).normal(size=shape))


# ------------------------------------------------------------------------- values and derivatives


@pytest.fixture(scope="module")
def derivatives_checked():
    """The derivatives in one check, which compiles once, a tensor each: the gradient of Σ σ(z) is
    σ′(z), entry by entry.
    """

    def total(points):
        return sum(jnp.sum(NUMBERED[name].value(z)) for name, z in points.items())

    def derivatives(points):
        return {name: NUMBERED[name].derivative(z) for name, z in points.items()}

    with jax.enable_x64(True):
        points = {name: samples(activation) for name, activation in NUMBERED.items()}
        report = check_gradient(total, derivatives, points)
    verdicts = {tensor.path: tensor.verdict for tensor in report.tensors}
    return verdicts, report


@pytest.mark.quick
@pytest.mark.parametrize("name", NUMBERED)
def test_derivative_is_that_of_the_value(derivatives_checked, name):
    verdicts, report = derivatives_checked
    assert verdicts[name] == "pass", f"the derivative of {name}:\n{report}"


@pytest.mark.parametrize("name", activations.REGISTRY)
def test_value_is_that_of_jax(name):
    activation = activations.get(name)
    z = jnp.append(samples(activation), 0.0).reshape(1, -1)
    z = jnp.concatenate([z, z[:, ::-1]])  # two features, so that softmax is not constantly 1
    np.testing.assert_allclose(activation.value(z), COUNTERPARTS[name](z), rtol=1e-14, atol=1e-14)


def test_variants_are_those_of_jax():
    z = samples(activations.elu)
    np.testing.assert_allclose(
        activations.make_leaky_relu(0.2).value(z), jax.nn.leaky_relu(z, 0.2), rtol=1e-15
    )
    np.testing.assert_allclose(activations.make_elu(0.5).value(z), jax.nn.elu(z, 0.5), rtol=1e-15)


@pytest.mark.parametrize("activation", ELEMENTWISE, ids=lambda a: a.name)
def test_backward_of_an_elementwise_activation(activation):
    z, da = samples(activation), jnp.asarray(np.random.default_rng(0).normal(size=400))
    np.testing.assert_array_equal(activation.backward(z, da), activation.derivative(z) * da)


@pytest.mark.every(1)
@pytest.mark.parametrize("activation", ELEMENTWISE, ids=lambda a: a.name)
@pytest.mark.parametrize("dtype", ["bfloat16", "float32", "float64"])
def test_finite_at_1e4_in_the_dtype_of_z(activation, dtype):
    z = jnp.array([-1e4, -100.0, 0.0, 100.0, 1e4], dtype)
    for result in (activation.value(z), activation.derivative(z)):
        assert result.dtype == z.dtype
        assert jnp.isfinite(result).all()


# ---------------------------------------------------------------------------------------- at kinks


NAMED_CHOICES = [  # an activation, a point, and its derivative there; every kink has a row
    (activations.relu, 0.0, 0.0),
    (printed.relu_half, 0.0, 0.5),
    (printed.relu_one, 0.0, 1.0),
    (activations.leaky_relu, 0.0, 1.0),
    (activations.make_leaky_relu(0.2), 0.0, 1.0),
    (activations.elu, 0.0, 1.0),
    (activations.make_elu(2.0), 0.0, 2.0),
    (activations.make_elu(0.5), 0.0, 0.5),
    (activations.selu, 0.0, activations.SELU_SCALE * activations.SELU_ALPHA),
    (activations.softplus, 0.0, 0.5),
]


@pytest.mark.parametrize(
    ("activation", "z", "slope"), NAMED_CHOICES, ids=lambda v: getattr(v, "name", v)
)
def test_derivative_at_a_kink_is_the_named_choice(activation, z, slope):
    """4.16, X11."""
    points = [z, -z] if z == 0 else [z]
    derivative = activation.derivative(jnp.array([z - 1e-300, *points, z + 1e-300]))
    np.testing.assert_array_equal(derivative[1:-1], [slope] * len(points))


@pytest.mark.parametrize("activation", SMOOTHLY_TRAINED, ids=lambda a: a.name)
def test_every_kink_has_a_named_choice(activation):
    chosen = {z for other, z, _ in NAMED_CHOICES if other is activation}
    missing = set(activation.kinks) - chosen
    assert not missing, f"NAMED_CHOICES lacks rows of {activation.name} at {sorted(missing)}"


def test_relus_differ_at_an_exact_zero_only():
    z = jnp.array([-1.0, -1e-300, 0.0, 1e-300, 1.0])
    slopes = {at: activations.make_relu(at).derivative(z) for at in (0.0, 0.5, 1.0)}
    for at, slope in slopes.items():
        np.testing.assert_array_equal(slope, [0, 0, at, 1, 1])


def test_the_choices_that_jax_makes():
    """X11: what autodiff would give, for comparison with the named choices."""
    grad_at_zero = {
        f: float(jax.grad(f)(0.0)) for f in (jax.nn.relu, jax.nn.leaky_relu, jax.nn.elu, jnp.abs)
    }
    assert grad_at_zero == {jax.nn.relu: 0.0, jax.nn.leaky_relu: 1.0, jax.nn.elu: 1.0, jnp.abs: 1.0}
    assert float(jax.grad(lambda z: jnp.maximum(z, 0.0))(0.0)) == 0.5


@pytest.mark.parametrize("activation", ELEMENTWISE, ids=lambda a: a.name)
def test_kinks_lists_where_the_derivative_jumps(activation):
    """1.8; ELU is continuously differentiable at α = 1 only."""
    jumps = set()
    for z in {0.0, *activation.kinks}:
        left, right = activation.derivative(jnp.array([z - 1e-9, z + 1e-9]))
        if abs(right - left) > 1e-3:
            jumps.add(z)
    assert jumps == set(activation.kinks)


@pytest.mark.parametrize("activation", ELEMENTWISE, ids=lambda a: a.name)
def test_the_derivative_jumps_nowhere_else(activation):
    """Between two samples σ′ changes little: |σ″| ≤ 2."""
    z = np.asarray(samples(activation))
    change = np.abs(np.diff(activation.derivative(z)))
    for left, right in zip(z[:-1][change > 0.1], z[1:][change > 0.1], strict=True):
        assert any(left < kink < right for kink in activation.kinks), (
            f"the derivative of {activation.name} jumps between {left:.3f} and {right:.3f}"
        )


@pytest.mark.parametrize("alpha", [0.5, 1.0, 2.0])
def test_slope_of_elu_jumps_by_the_distance_of_alpha_from_1(alpha):
    left, right = activations.make_elu(alpha).derivative(jnp.array([-1e-12, 1e-12]))
    np.testing.assert_allclose(right - left, 1 - alpha, atol=1e-11)


# ---------------------------------------------------------------------------------- single shapes


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_softplus_is_exact_in_both_tails(dtype):
    """4.15"""
    z = jnp.array([1e3, -1e3], dtype)
    np.testing.assert_array_equal(activations.softplus.value(z), [1000.0, 0.0])
    np.testing.assert_array_equal(activations.softplus.derivative(z), [1.0, 0.0])


def test_softplus_exceeds_relu_by_at_most_ln_2_and_that_at_zero():
    z = jnp.linspace(-10, 10, 2001)
    gap = activations.softplus.value(z) - activations.relu.value(z)
    assert abs(float(gap.max()) - math.log(2)) < 1e-15
    assert int(jnp.argmax(gap)) == 1000


def test_softplus_keeps_its_small_tail():
    np.testing.assert_allclose(
        activations.softplus.value(jnp.array(-40.0)), math.exp(-40), rtol=1e-15
    )


def test_tanh_ranges_from_minus_1_and_sigmoid_from_0():
    """2.26: one document prints (0, 1) for tanh."""
    z = jnp.array([-4.0, 4.0])
    low, high = activations.tanh.value(z)
    assert -1 < low < -0.999
    assert 0.999 < high < 1
    low, high = activations.sigmoid.value(z)
    assert 0 < low < 0.02
    assert 0.98 < high < 1


def test_who_saturates_where():
    """2.22, 2.26: σ′ ≤ ¼; sigmoid and tanh vanish on both sides, ReLU on one, ELU's derivative is
    never 0 (1.10).
    """
    z = jnp.linspace(-40, 40, 4001)
    slope = {
        name: activations.get(name).derivative(z) for name in ("sigmoid", "tanh", "relu", "elu")
    }
    assert float(slope["sigmoid"].max()) == 0.25
    assert float(slope["tanh"].max()) == 1.0
    for name in ("sigmoid", "tanh"):
        assert max(slope[name][0], slope[name][-1]) < 1e-15
    assert slope["relu"][0] == 0
    assert slope["relu"][-1] == 1
    assert (slope["elu"] > 0).all()


# ----------------------------------------------------------------------------------------- softmax


def test_softmax_is_a_distribution_that_no_shift_changes():
    """1.12"""
    z = logits()
    a = activations.softmax.value(z)
    np.testing.assert_allclose(a.sum(axis=0), 1.0, atol=1e-15)
    np.testing.assert_allclose(activations.softmax.value(z + 700.0), a, rtol=1e-12)
    np.testing.assert_array_equal(activations.softmax.value(jnp.array([1e4, -1e4])), [1.0, 0.0])


def test_softmax_of_two_classes_is_a_sigmoid():
    """1.12"""
    z = jnp.linspace(-8, 8, 33)
    two = activations.softmax.value(jnp.stack([z, jnp.zeros_like(z)]))
    np.testing.assert_allclose(two[0], activations.sigmoid.value(z), rtol=1e-14)


def test_jacobian_of_softmax():
    """Its row i is the gradient of output i: a copy of z for each makes one gradient of all."""
    z = logits()
    jacobian = activations.softmax.derivative(z)
    assert jacobian.shape == (4, 4, 6)
    np.testing.assert_allclose(
        activations.softmax.derivative(z[:, 0]), jacobian[..., 0], rtol=0, atol=1e-15
    )

    def outputs(copies):
        return sum(jnp.sum(activations.softmax.value(copy)[i]) for i, copy in enumerate(copies))

    def rows(copies):
        return jnp.stack([activations.softmax.derivative(copy)[i] for i, copy in enumerate(copies)])

    assert_gradient(outputs, rows, jnp.stack([z] * 4))


def test_backward_of_softmax_is_the_full_jacobian_product():
    assert_vjp(activations.softmax.value, activations.softmax.backward, logits())


def test_an_elementwise_product_is_wrong_for_softmax():
    """3.11: with p = (.830, .064, .106) and cross-entropy, ⊙ diag gives (−.170, 0, 0) where p − t
    is meant.
    """
    p, t = jnp.array([0.830, 0.064, 0.106]), jnp.array([1.0, 0.0, 0.0])
    z, da = jnp.log(p), -t / p
    elementwise = jnp.diagonal(activations.softmax.derivative(z)) * da
    np.testing.assert_allclose(elementwise, [-0.170, 0, 0], atol=1e-12)
    np.testing.assert_allclose(
        activations.softmax.backward(z, da), [-0.170, 0.064, 0.106], atol=1e-12
    )


# ------------------------------------------------------------------------------ names and refusals


def test_step_has_no_derivative():
    z = jnp.array([-1.0, 0.0, 1.0])
    np.testing.assert_array_equal(activations.step.value(z), [0, 1, 1])
    with pytest.raises(
        ValueError, match=r"step: asked for the derivative.*fnn\.course\.perceptron"
    ):
        activations.step.derivative(z)
    with pytest.raises(ValueError, match="step: asked for the derivative"):
        activations.step.backward(z, z)


def test_get_takes_names_and_activations():
    for name, activation in activations.REGISTRY.items():
        assert activation.name == name
        assert activations.get(name) is activation
    own = activations.make_elu(0.3)
    assert activations.get(own) is own


@pytest.mark.parametrize(
    ("name", "closest"), [("rellu", "relu"), ("Tanh", "tanh"), ("soft_max", "softmax")]
)
def test_unknown_names_are_refused_with_the_closest_known_one(name, closest):
    with pytest.raises(
        ValueError,
        match=rf"activation: '{name}' is not known; did you mean '{closest}'\?.*Known: id",
    ):
        activations.get(name)


def test_what_is_no_name_is_refused():
    with pytest.raises(ValueError, match="activation: 3 is not known"):
        activations.get(3)


@pytest.mark.parametrize(
    ("make", "value", "message"),
    [
        (activations.make_relu, 0.3, "at_zero: got 0.3, expected 0, 0.5 or 1"),
        (
            activations.make_leaky_relu,
            -0.1,
            "slope: got -0.1, expected a finite number of at least 0",
        ),
        (activations.make_leaky_relu, math.nan, "slope: got nan"),
        (activations.make_leaky_relu, "small", "slope: got 'small'"),
        (activations.make_elu, 0.0, "alpha: got 0.0, expected a finite number above 0"),
        (activations.make_elu, math.inf, "alpha: got inf"),
        (activations.make_elu, None, "alpha: got None"),
    ],
)
def test_factories_refuse(make, value, message):
    with pytest.raises(ValueError, match=message):
        make(value)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_gelu_tanh_has_its_limits_far_out(dtype):
    z = jnp.array([-3e38, -1e20, -1e10, -20, 20, 1e10, 1e20, 3e38], dtype)
    np.testing.assert_array_equal(activations.gelu_tanh.derivative(z), [0, 0, 0, 0, 1, 1, 1, 1])
