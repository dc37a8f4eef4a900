"""The surfaces' gradients against autodiff, and what is said of their minima."""

import re

import jax
import numpy as np
import pytest

from fnn.course import surfaces

SURFACES = {
    "quadratic": surfaces.quadratic((1.0, 0.5, -3.0)),
    "long valley": surfaces.long_valley,
    "saddle": surfaces.saddle,
    "beale": surfaces.beale,
    "rosenbrock": surfaces.rosenbrock,
    "double well": surfaces.double_well(0.2),
    "cliff": surfaces.cliff(),
}
each = pytest.mark.parametrize("surface", SURFACES.values(), ids=SURFACES)


@each
def test_gradient_is_that_of_central_differences(x64, surface):
    points = np.random.default_rng(3).normal(size=(len(surface.start), 20))
    gradient = surface.gradient(points)
    for axis in range(len(points)):
        step = np.zeros_like(points)
        step[axis] = 1e-5
        difference = (surface.value(points + step) - surface.value(points - step)) / 2e-5
        np.testing.assert_allclose(gradient[axis], difference, rtol=1e-6, atol=1e-6)


def test_values_that_are_known():
    assert surfaces.beale.value((1.0, 1.0)) == pytest.approx(1.5**2 + 2.25**2 + 2.625**2)
    assert surfaces.rosenbrock.value((-1.0, 2.0)) == pytest.approx(2.0**2 + 100)
    assert surfaces.long_valley.value((3.0, 2.0)) == pytest.approx(3.0**2 / 100 + 2.0**2)
    cliff = surfaces.cliff(height=8.0, steepness=20.0)
    assert cliff.value((-2.0, 2.0)) == pytest.approx(1.0)
    assert cliff.value((4.0, 0.0)) == pytest.approx(8.0 + 6.0**2 / 40)


@pytest.mark.slow
@each
def test_gradient_is_that_of_autodiff(x64, surface):
    points = np.random.default_rng(0).normal(size=(len(surface.start), 50))
    by_autodiff = jax.vmap(jax.grad(surface.value), in_axes=1, out_axes=1)(points)
    np.testing.assert_allclose(surface.gradient(points), by_autodiff, rtol=1e-11, atol=1e-12)


@pytest.mark.every(1)
@each
def test_many_points_at_once(surface):
    """Points along any further axes, such as a mesh, are each their own."""
    n = len(surface.start)
    points = np.random.default_rng(1).normal(size=(n, 3, 4)).astype(np.float32)
    assert surface.value(points).shape == (3, 4)
    assert surface.gradient(points).shape == (n, 3, 4)
    np.testing.assert_allclose(
        surface.value(points)[1, 2], surface.value(points[:, 1, 2]), rtol=1e-5, atol=1e-5
    )


@each
def test_minimum(x64, surface):
    if surface.minimum is None:
        return
    at = np.array(surface.minimum)
    np.testing.assert_allclose(surface.gradient(at), 0, atol=1e-12)
    around = at[:, None] + np.random.default_rng(2).normal(size=(at.size, 200))
    assert (surface.value(around) > surface.value(at)).all()


def test_a_saddle_has_no_minimum():
    assert surfaces.saddle.minimum is None
    np.testing.assert_array_equal(surfaces.saddle.gradient(np.zeros(2)), 0)
    np.testing.assert_array_equal(surfaces.saddle.value(np.array([1.0, 2.0])), -3)


def test_double_well_has_its_barrier_until_the_tilt_that_is_said(x64):
    """Three stationary points below 2/√27, one above."""
    x = np.linspace(-2, 2, 100_001)[None]
    counts = [
        int((np.diff(np.sign(surfaces.double_well(t).gradient(x)[0])) != 0).sum())
        for t in (0.3845, 0.3855)
    ]
    assert counts == [3, 1]


def test_cliff_is_as_steep_as_said(x64):
    slope = surfaces.cliff(height=10.0, steepness=20.0).gradient(np.zeros(2))[0]
    assert float(slope) == pytest.approx(10 * 20 / 4 + 0.1)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: surfaces.quadratic(()), "curvatures: got (), expected a sequence of numbers"),
        (
            lambda: surfaces.quadratic(((1.0,),)),
            "curvatures: got ((1.0,),), expected a sequence of numbers",
        ),
        (lambda: surfaces.quadratic((1.0, np.nan)), "curvatures: 1 value(s) are not finite"),
        (
            lambda: surfaces.quadratic((1.0, 2.0), start=(1.0,)),
            "start: got (1.0,), expected 2 coordinates",
        ),
        (lambda: surfaces.double_well(np.inf), "tilt: got inf, expected a finite number"),
        (lambda: surfaces.cliff(height=0), "height: got 0, expected a finite number above 0"),
        (
            lambda: surfaces.cliff(steepness=-1.0),
            "steepness: got -1.0, expected a finite number above 0",
        ),
    ],
)
def test_refusals(make, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        make()
