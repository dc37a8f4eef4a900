"""`fnn.sweep_function`: somebody else's training as runs."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

import fnn
from fnn.runs.chunks import ChunkScheduler

X = jnp.linspace(-1.0, 1.0, 20)


def descent(key, hyper):
    """Fits w in y = w x by gradient descent, from a random start; the loss before each step."""
    target = 3.0 * X

    def step(w, _):
        error = w * X - target
        return w - hyper["learning_rate"] * jnp.mean(2 * error * X), jnp.mean(error**2)

    w, loss = lax.scan(step, jax.random.normal(key), length=hyper.get("steps", 30))
    return {"w": w, "loss": loss}


def quick(f=descent, **options):
    options = {
        "seeds": range(5),
        "hyper": {"learning_rate": [0.1, 0.5]},
        "progress": False,
    } | options
    return fnn.sweep_function(f, **options)


@pytest.mark.optimized(otherwise=False)
def test_every_run_is_the_function_of_its_key():
    sweep = quick()
    assert sweep.values["loss"].shape == (2, 5, 30)
    for row, rate in enumerate((0.1, 0.5)):
        for column in range(5):
            alone = descent(jax.random.key(column), {"learning_rate": rate})
            np.testing.assert_allclose(sweep.values["w"][row, column], alone["w"], rtol=1e-5)
            np.testing.assert_allclose(
                sweep.values["loss"][row, column], alone["loss"], rtol=1e-5, atol=1e-10
            )


@pytest.mark.parametrize("runs_per_vmap", [1, 8])
def test_a_run_is_the_same_in_any_company(runs_per_vmap):
    many = quick(seeds=range(70), runs_per_vmap=runs_per_vmap)
    few = quick(seeds=[66, 3], runs_per_vmap=runs_per_vmap, hyper=[{"learning_rate": 0.5}])
    np.testing.assert_array_equal(few.values["loss"][0], many.values["loss"][1, [66, 3]])


def test_names_that_shape_the_program():
    """`length` of a scan must be known: a program for each number of steps, whose values have other
    shapes.
    """
    sweep = quick(hyper={"learning_rate": [0.1, 0.5], "steps": [3, 4]})
    assert [value["loss"].shape for value in sweep.outputs] == [(5, 3), (5, 4)] * 2
    with pytest.raises(
        ValueError, match=r"values: setting 1.*unlike setting 0; use outputs\[setting\]"
    ):
        _ = sweep.values
    np.testing.assert_allclose(
        sweep.outputs[2]["loss"], quick().values["loss"][1, :, :3], rtol=1e-5
    )


def test_summary_takes_the_last_of_a_history_and_counts_what_is_not_finite():
    sweep = quick(hyper={"learning_rate": [0.5, 1e30]})
    rows = sweep.summary("loss").rows
    assert rows[0]["mean"] == pytest.approx(sweep.values["loss"][0, :, -1].mean())
    assert [(row["n"], row["diverged"]) for row in rows] == [(5, 0), (0, 5)]
    with pytest.raises(ValueError, match="did you mean 'loss'"):
        sweep.summary("los")


def test_one_program_for_any_number_of_runs():
    traces = []

    def counted(key, hyper):
        traces.append(1)
        return jax.random.uniform(key)

    quick(counted, hyper=None, seeds=range(3))
    first = len(traces)
    quick(counted, hyper=None, seeds=range(200))
    assert len(traces) <= first + 2  # the shapes of the result, asked for before a block is run
    assert quick(counted, hyper=None, seeds=[9]).values.shape == (1, 1)


def test_interrupted_function_sweeps_go_on(monkeypatch):
    whole, blocks, original = quick(seeds=range(100)), [], ChunkScheduler.chunks

    def interrupted(*arguments):
        blocks.append(1)
        if len(blocks) == 2:
            raise KeyboardInterrupt
        return original(*arguments)

    monkeypatch.setattr(ChunkScheduler, "chunks", interrupted)
    with pytest.raises(fnn.SweepInterrupted, match="64 of 200 runs finished") as caught:
        quick(seeds=range(100))
    assert "136 unfinished" in repr(caught.value.sweep)
    assert caught.value.sweep.summary("loss").rows[1]["n"] == 0
    resumed = caught.value.resume(progress=False)
    np.testing.assert_array_equal(resumed.values["loss"], whole.values["loss"])


def test_progress_counts_runs(capsys):
    quick(progress=True)
    assert "10/10" in capsys.readouterr().err


def test_refusals():
    with pytest.raises(ValueError, match="f: got 3, expected a function"):
        quick(3)
    with pytest.raises(ValueError, match="hyper: f never reads 'decay'"):
        quick(hyper={"learning_rate": [0.1], "decay": [0.9]})
    with pytest.raises(ValueError, match=r"asks for hyper\['learning_rate'\]"):
        quick(hyper={"rate": [0.1]})
    with pytest.raises(ValueError, match="runs_per_vmap: got 0"):
        quick(runs_per_vmap=0)
    with pytest.raises(ValueError, match="metric: 'pair' has shape"):
        quick(lambda key, hyper: {"pair": jax.random.normal(key, (2, 2))}, hyper=None).summary(
            "pair"
        )
