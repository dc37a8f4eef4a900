"""fnn with its six dependencies alone: it works, and says in a sentence what else something needs.

CI runs this file in an environment that has nothing but fnn and pytest; elsewhere the extras are
hidden from a child process.
"""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
EXTRAS = (
    "matplotlib",
    "sklearn",
    "tyro",
    "mnist1d",
    "jinja2",
    "chex",
    "torch",
    "equinox",
    "pandas",
    "xarray",
    "narwhals",
    "polars",
    "pyarrow",
)

HIDE = f"""
import sys
class Hidden:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {EXTRAS}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Hidden())
"""

WORKS = """
import jax, numpy as np, fnn
from fnn import data, losses, optim

rng = np.random.default_rng(0)
x = rng.normal(size=(60, 3))
mine = data.from_arrays(x, (x[:, 0] > 0).astype(int))
net = fnn.mlp((3, 4, 2))
run = fnn.train(net, losses.softmax_cross_entropy, optim.adam(1e-2), mine, epochs=2, batch_size=16)
assert np.isfinite(run.final("validation_loss"))
sweep = fnn.sweep(
    lambda hyper: (net, losses.softmax_cross_entropy, optim.adam(hyper["learning_rate"])),
    mine, epochs=2, batch_size=16, seeds=range(3), hyper={"learning_rate": [1e-2]},
)
print(sweep.summary())
assert fnn.check_network(net, losses.softmax_cross_entropy, x[:4], np.array([0, 1, 0, 1])).passed
table = data.from_frame({"x": x[:, 0], "kind": np.where(x[:, 1] > 0, "a", "b"), "y": x[:, 0]}, "y")
assert table.encode([{"x": 1.0, "kind": "a"}]).shape == (1, 3)
for name in fnn.__all__:
    getattr(fnn, name)
"""

LOADS_NO_EXTRA = f"""
import sys, fnn
for name in fnn.__all__:
    getattr(fnn, name)
import fnn.doctor
found = sorted({{name.split(".")[0] for name in sys.modules}} & set({EXTRAS}))
assert not found, found
"""

MISSING = {
    "matplotlib": "from fnn import plot",
    "scikit-learn": "from fnn import data; data.load('digits')",
    "narwhals": "from fnn import data; data.from_frame(object(), 'y')",
    "mnist1d": "from fnn import data; data.load('mnist1d')",
}


def child(code: str, hide: bool = True) -> subprocess.CompletedProcess:
    """Run Python in a process in which the extras cannot be imported."""
    command = [sys.executable, "-W", "error", "-c", HIDE * hide + code]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.mark.long
def test_it_trains_sweeps_and_checks():
    done = child(WORKS)
    assert done.returncode == 0, done.stderr[-3000:]


def test_importing_everything_public_loads_no_extra():
    done = child(LOADS_NO_EXTRA, hide=False)
    assert done.returncode == 0, done.stderr[-3000:]


@pytest.mark.slow
@pytest.mark.parametrize("package", MISSING)
def test_what_needs_more_says_so_in_a_sentence(package):
    done = child(MISSING[package])
    assert done.returncode != 0
    (last,) = done.stderr.strip().splitlines()[-1:]
    assert last.startswith("ImportError: ")
    assert package in last
    assert 'pip install "fnn[' in last
