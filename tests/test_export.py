"""What leaves fnn comes back as it was, computes the same elsewhere, and is refused when it is
anything else.
"""

import hashlib
import io
import json
import os
import subprocess
import sys
import tracemalloc
import zipfile
from pathlib import Path

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import fnn
from fnn import export, layers, losses, optim
from fnn.checkpoint import files
from tests.problems import blobs

KEY = jax.random.key(5)
NET = fnn.mlp((5, 7, 4, 3), batch_norm="before", dropout=0.1)
TORCH_NAMES = {
    "W": "weight",
    "b": "bias",
    "scale": "weight",
    "shift": "bias",
    "mean": "running_mean",
    "variance": "running_var",
}


def trained(net):
    """(params, state) that are nowhere what init makes; variances above zero."""
    rng = np.random.default_rng(4)
    return jax.tree.map(
        lambda leaf: leaf + jnp.asarray(rng.uniform(0, 0.3, leaf.shape), leaf.dtype), net.init(KEY)
    )


def rows(n, features=5):
    return np.random.default_rng(n).normal(size=(n, features)).astype(jnp.result_type(float))


@pytest.fixture
def path(tmp_path):
    return tmp_path / "net.npz"


# ---------------------------------------------------------------------------------------------- npz


NETS = {
    "mlp": (NET, ["0/W", "0/b", "1/scale", "1/shift", "4/W", "8/b", "1/mean", "5/variance"], 5),
    "repeat": (
        layers.serial(
            layers.repeat(layers.serial(layers.dense(5, 5), layers.activation("gelu")), 3)
        ),
        ["0/0/W", "0/0/b"],
        5,
    ),
    "graph": (
        layers.graph(
            ("x1", "x2"), {"h": (("x1", "x2"), "tanh", 3), "y": (("x1", "h"), "softmax", 2)}, ("y",)
        ),
        ["h/W", "h/b", "y/W", "y/b"],
        2,
    ),
}


@pytest.mark.every(1)
@pytest.mark.parametrize("name", NETS)
def test_npz_comes_back_bit_for_bit(path, name):
    net, names, _ = NETS[name]
    params, state = trained(net)
    export.to_npz(path, params, state)
    chex.assert_trees_all_equal(export.from_npz(path, params, state), (params, state), strict=True)
    with np.load(path, allow_pickle=False) as arrays:
        assert set(names) <= set(arrays.files)
        assert len(arrays.files) == len(jax.tree.leaves((params, state)))


def test_w_is_out_in(path):
    params, _ = trained(NET)
    export.to_npz(path, params)
    with np.load(path) as arrays:
        assert arrays["0/W"].shape == (7, 5)
        np.testing.assert_array_equal(arrays["4/W"], params[4].W)


@pytest.mark.parametrize("write", [np.savez, np.savez_compressed])
def test_what_numpy_writes_is_read(path, write):
    arrays = {
        "0/W": np.asfortranarray(rows(3)),
        "0/b": rows(1)[0, :3],
        "1": np.array(7),
        "2": np.zeros((0, 2), bool),
    }
    like = ({"W": arrays["0/W"], "b": arrays["0/b"]}, arrays["1"], arrays["2"])
    write(path, **arrays)
    (first, count, empty), state = export.from_npz(path, like)
    chex.assert_trees_all_equal(
        (first["W"], first["b"], count, empty), tuple(arrays.values()), strict=True
    )
    assert state == ()


def test_leaves_are_of_the_kind_that_like_has(path):
    params, state = trained(NET)
    export.to_npz(path, params, state)
    shapes = jax.eval_shape(NET.init, KEY)
    assert all(
        isinstance(leaf, jax.Array) for leaf in jax.tree.leaves(export.from_npz(path, *shapes))
    )
    host = jax.tree.map(np.asarray, (params, state))
    assert all(
        isinstance(leaf, np.ndarray) for leaf in jax.tree.leaves(export.from_npz(path, *host))
    )


@pytest.mark.usefixtures("x64")
def test_float64_stays(path):
    params, state = trained(NET)
    export.to_npz(path, params, state)
    chex.assert_trees_all_equal(export.from_npz(path, params, state), (params, state), strict=True)
    shapes, host = jax.eval_shape(NET.init, KEY), jax.tree.map(np.asarray, (params, state))
    with jax.enable_x64(False):
        chex.assert_trees_all_equal(export.from_npz(path, *host), host, strict=True)
        with pytest.raises(
            ValueError, match=r"0/W: got float64, expected float32, to which JAX would narrow it"
        ):
            export.from_npz(path, *shapes)


@pytest.mark.parametrize("name", ["weights", "weights.params", "weights.npz.npy"])
def test_a_file_has_the_name_that_was_asked_for(tmp_path, name):
    export.to_npz(str(tmp_path / name), np.ones(3))
    export.to_npz(tmp_path / name, np.zeros(3))
    assert [path.name for path in tmp_path.iterdir()] == [name]
    np.testing.assert_array_equal(export.from_npz(tmp_path / name, np.ones(3))[0], np.zeros(3))


@pytest.mark.parametrize("failing", ["write", "replace"])
def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(path, monkeypatch, failing):
    def full(*args):
        raise OSError(28, "No space left on device")

    export.to_npz(path, np.ones(3))
    monkeypatch.setattr(files if failing == "write" else os, failing, full)
    with pytest.raises(OSError, match="No space left"):
        export.to_npz(path, np.zeros(3))
    assert [found.name for found in path.parent.iterdir()] == [path.name]
    np.testing.assert_array_equal(export.from_npz(path, np.ones(3))[0], np.ones(3))


@pytest.mark.parametrize(
    ("params", "state", "message"),
    [
        (
            (jnp.ones(3, jnp.bfloat16),),
            (),
            r"0: got bfloat16 \(3,\), expected numbers that npz knows; use float32",
        ),
        (
            (jax.random.key(0),),
            (),
            r"0: got threefry2x32 keys \(\), expected numbers that npz knows",
        ),
        ((np.array(["a"]),), (), "0: got dtype <U1, expected numbers"),
        ((1.5,), (), "0: got 1.5, expected an array"),
        (
            ({"W": np.ones(2)},),
            ({"W": np.ones(2)},),
            "state: '0/W' is the name of a parameter too; rename",
        ),
        ({"0/W": np.ones(2), "0": {"W": np.ones(2)}}, (), "two leaves are called '0/W'"),
    ],
)
def test_what_cannot_be_written(path, params, state, message):
    with pytest.raises(ValueError, match=message):
        export.to_npz(path, params, state)
    assert not path.exists()


SMALL = layers.DenseParams(np.arange(6, dtype="f4").reshape(2, 3), np.ones(2, "f4"))


class Bomb:
    def __reduce__(self):
        return (os.mkdir, ("pickle-was-executed",))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"b": None}, "b: missing in the file"),
        ({"c": np.ones(3)}, "c: in the file, not expected"),
        ({"W": SMALL.W.T}, r"W: float32 \(3, 2\) in the file, expected float32 \(2, 3\)"),
        (
            {"W": np.ones((64, 64), "f4")},
            r"W: float32 \(64, 64\) in the file, expected float32 \(2, 3\)",
        ),
        ({"W": SMALL.W[None]}, r"W: float32 \(1, 2, 3\) in the file, expected float32 \(2, 3\)"),
        ({"b": np.ones(())}, r"b: float64 \(\) in the file, expected float32 \(2,\)"),
        (
            {"W": SMALL.W.astype("f8")},
            r"W: float64 \(2, 3\) in the file, expected float32 \(2, 3\)",
        ),
        ({"W": SMALL.W.astype(">f4")}, r"W: >f4 \(2, 3\) in the file, expected float32 \(2, 3\)"),
        ({"b": np.ones(2, "i4")}, r"b: int32 \(2,\) in the file, expected float32 \(2,\)"),
        (
            {"b": np.array([Bomb(), Bomb()])},
            r"b: object \(2,\) in the file, expected float32 \(2,\)",
        ),
    ],
)
@pytest.mark.parametrize("write", [np.savez, np.savez_compressed])
def test_other_names_shapes_and_dtypes(path, monkeypatch, write, changes, message):
    monkeypatch.chdir(path.parent)
    write(
        path,
        **{name: array for name, array in (SMALL._asdict() | changes).items() if array is not None},
    )
    with pytest.raises(ValueError, match=f"{path}: {message}"):
        export.from_npz(path, SMALL)
    assert [found.name for found in path.parent.iterdir()] == [path.name]


def archive_of(*members, compression=zipfile.ZIP_STORED):
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", compression) as archive:
        for name, data in members:
            archive.writestr(name, data)
    return content.getvalue()


def npy(array):
    content = io.BytesIO()
    np.save(content, array)
    return content.getvalue()


W, B = ("W.npy", npy(SMALL.W)), ("b.npy", npy(SMALL.b))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "not an npz archive that can be read: File is not a zip file"),
        (b"no archive", "File is not a zip file"),
        (archive_of(), "W, b: missing in the file"),
        (archive_of(W, ("b.npy", b"")), "b: no header of an npy file"),
        (archive_of(W, ("b.npy", b"no npy file")), "b: no header of an npy file"),
        (archive_of(W, ("b.npy", B[1][:-1])), "b: 7 bytes of numbers in the file, expected 8"),
        (archive_of(W, ("b.npy", B[1] + b"\0")), "b: 9 bytes of numbers in the file, expected 8"),
        (
            archive_of(W, B, compression=zipfile.ZIP_BZIP2),
            "W: compressed by method 12, expected none or deflate",
        ),
        (
            archive_of(W, ("b.npy", B[1].replace(b"'descr'", b"'decsr'"))),
            "b: no header of an npy file: .*'decsr'",
        ),
        (archive_of(W, ("b.npy", B[1].replace(b"}", b"("))), "b: no header of an npy file"),
    ],
)
def test_what_is_no_npz(path, content, message):
    path.write_bytes(content)
    with pytest.raises(ValueError, match=f"{path}: .*{message}"):
        export.from_npz(path, SMALL)


@pytest.mark.parametrize("name", ["W.npy", "W"])
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_two_arrays_of_one_name(path, name):
    path.write_bytes(archive_of(W, B, (name, W[1])))
    with pytest.raises(ValueError, match=f"{path}: W: more than once in the file, expected once"):
        export.from_npz(path, SMALL)


def test_sizes_that_are_declared_take_no_memory(path):
    declared = B[1].replace(b"(2,), }" + b" " * 18, b"(1000000000000000000,), }")
    assert len(declared) == len(B[1])
    assert declared != B[1]
    bombs = {
        r"b: float32 \(1000000000000000000,\) in the file, expected float32 \(2,\)": declared,
        r"b: 100000136 bytes in the file, expected 8": B[1] + bytes(100_000_000),
    }
    for message, member in bombs.items():
        path.write_bytes(archive_of(W, ("b.npy", member), compression=zipfile.ZIP_DEFLATED))
        tracemalloc.start()
        with pytest.raises(ValueError, match=message):
            export.from_npz(path, SMALL)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < path.stat().st_size * 10 + 1_000_000


def damaged(content):
    """Every beginning of the content, and the content with each byte changed in two ways."""
    for i in range(len(content)):
        yield content[:i]
        for change in (0x01, 0x80):
            yield content[:i] + bytes([content[i] ^ change]) + content[i + 1 :]


@pytest.mark.every(1)
@pytest.mark.parametrize("write", [export.to_npz, np.savez, np.savez_compressed])
def test_a_damaged_npz_is_refused_or_means_the_same(path, write):
    """Not every byte of an archive means anything: a date, for one."""
    _ = write(path, SMALL) if write is export.to_npz else write(path, **SMALL._asdict())
    refusals = []
    for content in damaged(path.read_bytes()):
        path.write_bytes(content)
        try:
            found, _ = export.from_npz(path, SMALL)
            chex.assert_trees_all_equal(found, SMALL, strict=True)
        except ValueError as error:
            refusals.append(str(error))
    assert len(refusals) > 600
    assert all(refusal.startswith(str(path)) for refusal in refusals)


def test_a_missing_file_is_missing(tmp_path):
    for read in (lambda path: export.from_npz(path, SMALL), export.from_stablehlo):
        with pytest.raises(FileNotFoundError):
            read(tmp_path / "none")


# -------------------------------------------------------------------------------------------- torch


def torch_stack(torch, dtype):
    nn = torch.nn
    hidden = [
        [nn.Linear(m, n), nn.BatchNorm1d(n), nn.ReLU(), nn.Dropout(0.1)]
        for m, n in ((5, 7), (7, 4))
    ]
    torch.manual_seed(3)
    return nn.Sequential(*hidden[0], *hidden[1], nn.Linear(4, 3)).to(getattr(torch, dtype))


def torch_name(name):
    position, field = name.split("/")
    return f"{position}.{TORCH_NAMES[field]}"


@pytest.fixture(params=["float32", "float64"])
def dtype(request):
    with jax.enable_x64(request.param == "float64"):
        yield request.param


def same(ours, theirs, dtype):
    rtol = {"float32": 1e-6, "float64": 1e-14}[dtype]
    assert ours.dtype == dtype
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=rtol * np.abs(theirs).max())


def test_a_torch_stack_computes_what_was_exported(path, dtype):
    torch = pytest.importorskip("torch")
    params, state = trained(NET)
    export.to_npz(path, params, state)
    with np.load(path) as arrays:
        weights = {torch_name(name): torch.from_numpy(arrays[name]) for name in arrays.files}
    stack = torch_stack(torch, dtype).eval()
    stack.load_state_dict(weights)  # strictly: every name is there, and no other
    x = rows(50)
    with torch.no_grad():
        same(fnn.apply(NET, params, x, state=state), stack(torch.from_numpy(x)).numpy(), dtype)


def test_a_torch_stack_is_imported(path, dtype):
    torch = pytest.importorskip("torch")
    stack, x = torch_stack(torch, dtype), rows(50)
    optimizer = torch.optim.SGD(stack.parameters(), 0.1)
    for _ in range(3):  # so that statistics and biases are not those of the start
        stack(torch.from_numpy(x)).square().mean().backward()
        optimizer.step()
    stack.eval()
    named = jax.tree_util.tree_leaves_with_path(NET.init(KEY))
    names = {jax.tree_util.keystr(path[1:], simple=True, separator="/") for path, _ in named}
    weights = stack.state_dict()
    np.savez(path, **{name: weights[torch_name(name)].numpy() for name in names})
    params, state = export.from_npz(path, *jax.eval_shape(NET.init, KEY))
    with torch.no_grad():
        same(fnn.apply(NET, params, x, state=state), stack(torch.from_numpy(x)).numpy(), dtype)


def test_running_statistics_are_those_of_torch(dtype):
    torch = pytest.importorskip("torch")
    theirs, ours = torch.nn.BatchNorm1d(5, dtype=getattr(torch, dtype)), layers.batch_norm(5)
    params, state = ours.init(KEY)
    for n in (2, 9):
        theirs(torch.from_numpy(rows(n)))
        _, state, _ = ours.forward(params, state, rows(n).T, train=True)
    same(state.mean, theirs.running_mean.numpy(), dtype)
    same(state.variance, theirs.running_var.numpy(), dtype)


# ---------------------------------------------------------------------------------------- StableHLO


READER = """
import json, sys
import jax.export
import numpy as np

def write(job, name, predict):
    with np.load(job["x"]) as x:
        np.savez(job[name], **{n: predict(x[n]) for n in x.files})

jobs = json.loads(sys.argv[1])
for job in jobs:
    with open(job["program"], "rb") as file:
        write(job, "alone", jax.export.deserialize(bytearray(file.read())).call)
assert "fnn" not in sys.modules

from fnn import export
for job in jobs:
    write(job, "fnn", export.from_stablehlo(job["program"]))
"""


@pytest.mark.slow
@pytest.mark.every(2)
def test_a_fresh_process_computes_the_same_with_fnn_and_with_jax_alone(tmp_path, dtype):
    jobs, expected = {}, {}
    for name, (net, _, features) in NETS.items():
        params, state = trained(net)
        jobs[name] = {
            part: str(tmp_path / f"{name}-{part}.npz") for part in ("program", "x", "alone", "fnn")
        }
        export.to_stablehlo(jobs[name]["program"], net, params, state)
        x = {str(n): rows(n, features) for n in (1, 7, 64)}
        np.savez(jobs[name]["x"], **x)
        expected[name] = {
            n: np.asarray(fnn.apply(net, params, rows, state=state)) for n, rows in x.items()
        }
    environment = os.environ | {"JAX_ENABLE_X64": str(dtype == "float64")}
    command = [sys.executable, "-c", READER, json.dumps(list(jobs.values()))]
    subprocess.run(command, env=environment, cwd=Path(__file__).parent.parent, check=True)
    for name, job in jobs.items():
        for reader in ("alone", "fnn"):
            with np.load(job[reader]) as found:
                for n, y in expected[name].items():
                    same(found[n], y, dtype)


@pytest.fixture
def program(tmp_path):
    path = tmp_path / "net.stablehlo"
    export.to_stablehlo(path, NET, *trained(NET))
    return path


def test_a_trained_network(tmp_path):
    d = blobs()
    net = fnn.mlp((3, 8, 3), activation="tanh")
    options = {"epochs": 5, "batch_size": 10, "progress": False}
    run = fnn.train(net, losses.softmax_cross_entropy, optim.adam(1e-2), d, seed=1, **options)
    export.to_stablehlo(tmp_path / "run", net, run.params)
    same(
        export.from_stablehlo(tmp_path / "run")(d.test.x),
        fnn.apply(net, run.params, d.test.x),
        "float32",
    )


def test_it_is_stablehlo_for_three_platforms(program):
    exported = jax.export.deserialize(bytearray(program.read_bytes()))
    assert exported.platforms == ("cpu", "cuda", "tpu")
    assert [(str(aval.shape), aval.dtype) for aval in exported.in_avals] == [
        ("(batch, 5)", "float32")
    ]
    assert "stablehlo.dot_general" in exported.mlir_module()


def test_it_takes_what_apply_takes(program):
    predict, (params, state) = export.from_stablehlo(program), trained(NET)
    for x in (rows(3).astype("f8"), np.ones((2, 5), int), jnp.ones((2, 5)), np.ones((2, 5), bool)):
        same(predict(x), fnn.apply(NET, params, x, state=state), "float32")
    same(jax.jit(lambda x: 2 * predict(x))(rows(4)), 2 * predict(rows(4)), "float32")


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (np.ones((2, 4)), r"x: got 4 features, expected 5, those of .*net\.stablehlo"),
        (np.ones((2, 6)), "x: got 6 features, expected 5"),
        (np.ones(5), r"x: got shape \(5,\), expected \(examples, features\)"),
        (np.ones((0, 5)), "which is empty"),
        (np.full((1, 5), np.nan), "x: 5 value"),
        (np.full((1, 5), 1e300), "float32 holds up to"),
        (np.array([["a"] * 5]), "expected real numbers"),
    ],
)
def test_refused_inputs(program, x, message):
    predict = export.from_stablehlo(program)
    with pytest.raises(ValueError, match=message):
        predict(x)


@pytest.mark.usefixtures("x64")
def test_under_x64_a_file_of_float32_refuses_what_it_cannot_hold(program):
    with jax.enable_x64(False):
        export.to_stablehlo(program, NET, *trained(NET))
    predict = export.from_stablehlo(program)
    assert predict(rows(2)).dtype == "float32"
    with pytest.raises(ValueError, match="x: 5 value"):
        predict(np.full((1, 5), 1e300))


@pytest.mark.usefixtures("x64")
def test_float64_is_not_narrowed(program):
    params, state = trained(NET)
    export.to_stablehlo(program, NET, params, state)
    host = jax.tree.map(np.asarray, (params, state))
    with jax.enable_x64(False):
        with pytest.raises(
            ValueError, match=r"net\.stablehlo: got float64, expected float32, to which JAX would"
        ):
            export.from_stablehlo(program)
        with pytest.raises(
            ValueError, match="0/0/W: got float64, expected float32, to which JAX would narrow it"
        ):
            export.to_stablehlo(program, NET, *host)


def test_a_damaged_program_is_refused(program):
    content = program.read_bytes()
    for i in [*range(40), *range(40, len(content), 97), *range(len(content) - 40, len(content))]:
        for spoilt in (content[:i], content[:i] + bytes([content[i] ^ 0x10]) + content[i + 1 :]):
            program.write_bytes(spoilt)
            with pytest.raises(
                ValueError, match=r"net\.stablehlo: not what to_stablehlo wrote: the SHA-256 of"
            ):
                export.from_stablehlo(program)


def test_a_program_that_jax_cannot_read_is_refused(program):
    content = b"written by a version to come" * 10
    program.write_bytes(content + hashlib.sha256(content).digest())
    with pytest.raises(ValueError, match=r"net\.stablehlo: JAX .* cannot read it, export it again"):
        export.from_stablehlo(program)


def layer_of(function):
    """A layer of one's own that checks nothing."""
    return fnn.Layer(
        init=lambda key: ((), ()),
        forward=lambda params, state, x, *, key, train: (function(x), state, ()),
        backward=lambda params, residuals, dy: ((), dy),
    )


@pytest.mark.parametrize(
    ("net", "features", "message"),
    [
        (
            layer_of(jnp.tanh),
            None,
            r"features: the network takes none of \[\], the sizes of its parameters",
        ),
        (
            layers.graph(
                {"a": 2, "b": 3}, {"y": (("a",), "tanh"), "z": (("b",), "tanh")}, ("y", "z")
            ),
            None,
            "none of",
        ),
        (
            layers.serial(layer_of(lambda x: x[:3]), layers.dense(3, 4), layers.dense(4, 8)),
            None,
            r"any of \[3, 4, 8\]",
        ),
        (NET, 6, "x: got 6 features, expected 5"),
        (NET, 0, "features: got 0, expected a whole number"),
        (
            layer_of(lambda x: x if x.shape[1] > 3 else -x),
            3,
            "net: JAX cannot export it, expected layers that do not",
        ),
        (
            layer_of(
                lambda x: jax.pure_callback(lambda y: y, jax.ShapeDtypeStruct(x.shape, x.dtype), x)
            ),
            3,
            "net: JAX cannot export it",
        ),
    ],
)
def test_networks_that_cannot_be_exported(tmp_path, net, features, message):
    with pytest.raises(ValueError, match=message):
        export.to_stablehlo(tmp_path / "net", net, *net.init(KEY), features=features)
    assert list(tmp_path.iterdir()) == []


def test_a_feature_count_can_be_said(tmp_path):
    net = layers.graph({"a": 2, "b": 3}, {"y": (("a",), "tanh"), "z": (("b",), "tanh")}, ("y", "z"))
    params, _ = trained(net)
    export.to_stablehlo(tmp_path / "net", net, params, features=5)
    same(
        export.from_stablehlo(tmp_path / "net")(rows(9)), fnn.apply(net, params, rows(9)), "float32"
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda params, state: ((params, state), state), r"params: got the pair \(params, state\)"),
        (lambda params, state: (params[:-1], state), "params has the structure"),
        (
            lambda params, state: (params, ()),
            "state: it has the structure .* pass the trained state",
        ),
        (
            lambda params, state: (params, jax.tree.map(lambda leaf: leaf[:1], state)),
            r"state: it.* has shape \(1,\)",
        ),
    ],
)
def test_parameters_of_another_network(tmp_path, change, message):
    with pytest.raises(ValueError, match=message):
        export.to_stablehlo(tmp_path / "net", NET, *change(*trained(NET)))
