"""Networks for elsewhere: parameters as plain `npz`, and the trained network as StableHLO.

An npz file has an array for each leaf, under the position of its layer and the name of its field,
`"0/W"`. W is (out, in), in fnn as in PyTorch, so that nothing is transposed on the way. The
positions are those of a `torch.nn.Sequential` of the same layers, dropout and activations counted,
and of its `state_dict()`:

| fnn               | PyTorch                        | shape (dtype: that of the parameter)
                    |
|-------------------|--------------------------------|------------------------------------------------------------|
| `0/W`             | `0.weight` of Linear           | (out, in)
                    |
| `0/b`             | `0.bias` of Linear             | (out,)
                    |
| `1/scale`         | `1.weight` of BatchNorm1d      | (features,)
                    |
| `1/shift`         | `1.bias` of BatchNorm1d        | (features,)
                    |
| `1/mean`          | `1.running_mean`               | (features,)
                    |
| `1/variance`      | `1.running_var`                | (features,), unbiased in both: n/(n − 1) of
                    the batch's    |
| (not kept)        | `1.num_batches_tracked`        | a counter that evaluation does not read
                    |

ε is 1e-5 in both by default; the momentum μ of fnn is 1 − μ there (0.9 and 0.1 by default). A layer
inside a layer has a longer name (`0/2/W`), the arrays of `layers.repeat` have an axis (times, …) in
front, and a `layers.graph` has the names of its groups (`h1+h2/W`).
"""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import jax.export
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Num

from fnn import checks, compiler
from fnn.backprop import check_net, check_params, feature_major, forward, outputs_of, shapes_of
from fnn.checkpoint import files
from fnn.checkpoint.arrays import Leaf, leaves, on_host, packed, restored, unpacked
from fnn.types import ArrayLike, Layer, Params, State

Predict = Callable[[Num[ArrayLike, "batch features"]], Float[Array, "batch outputs"]]

PLATFORMS = ("cpu", "cuda", "tpu")
SUM_BYTES = hashlib.sha256().digest_size


# ---------------------------------------------------------------------------------------------- npz


def to_npz(path: str | Path, params: Params, state: State = ()) -> None:
    """Writes parameters, and the state of batch normalisation, as a file that `np.load` and
    `from_npz` read.

    The file has exactly this name (nothing is appended) and replaces an older one when it is
    complete and on the disk. Arrays keep their shapes and dtypes; their names are at the top of
    this file. Raises ValueError for leaves that are not arrays of numbers that npz knows (typed
    keys and bfloat16 are not), and OSError where it cannot be written.
    """
    files.replace(
        Path(path),
        packed({leaf.name: on_host(leaf, value) for leaf, value in _named(params, state)}),
    )


def from_npz(path: str | Path, like_params: Params, like_state: State = ()) -> tuple[Params, State]:
    """(params, state), as `net.init` returns them, from a file of `to_npz`, `np.savez` or
    `np.savez_compressed`.

    like_params, like_state   what net.init(key) returned, or jax.eval_shape(net.init, key): names,
                              shapes and dtypes

    Leaves are NumPy arrays where those of `like` are, JAX arrays elsewhere. Nothing is converted
    and nothing executed. Raises ValueError, naming the leaf, what is in the file and what was
    expected, for names that are missing or not expected, other shapes and dtypes, whatever is
    damaged or larger than it should be, and for float64 that JAX would narrow; FileNotFoundError
    where there is no file.
    """
    named = _named(like_params, like_state)
    expected = [leaf for leaf, _ in named]
    content = Path(path).read_bytes()
    try:
        arrays = unpacked(content, expected)
        placed = [_placed(leaf, restored(leaf, arrays[leaf.name]), like) for leaf, like in named]
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
    return jax.tree.unflatten(jax.tree.structure((like_params, like_state)), placed)


def _named(params: Params, state: State) -> list[tuple[Leaf, Any]]:
    """The leaves of both, with names that differ and dtypes that npz knows."""
    learned, carried = leaves(params), leaves(state)
    for name in {leaf.name for leaf, _ in learned} & {leaf.name for leaf, _ in carried}:
        raise ValueError(
            f"state: {name!r} is the name of a parameter too; rename the field of one of them."
        )
    for leaf, _ in learned + carried:
        if leaf.key or leaf.stored != jnp.dtype(leaf.dtype):
            raise ValueError(
                f"{leaf.name}: got {leaf}, expected numbers that npz knows; use float32."
            )
    return learned + carried


def _placed(leaf: Leaf, array: np.ndarray, like: Any) -> ArrayLike:
    if isinstance(like, (np.ndarray, np.generic)):
        return array
    _check_held(leaf)
    return jnp.asarray(array)


def _check_held(leaf: Leaf) -> None:
    held = jax.dtypes.canonicalize_dtype(leaf.dtype)
    if held != leaf.dtype:
        raise ValueError(
            f"{leaf.name}: got {leaf.dtype}, expected {held}, to which JAX would narrow it; "
            "jax.config.update('jax_enable_x64', True) keeps it, or convert it yourself."
        )


# ---------------------------------------------------------------------------------------- StableHLO


def to_stablehlo(
    path: str | Path, net: Layer, params: Params, state: State = (), *, features: int | None = None
) -> None:
    """Writes x ↦ fnn.apply(net, params, x, state=state), parameters inside, for any batch size, on
    cpu, cuda and tpu.

    features   how many the network takes; None: that one size of its parameters that it takes

    x is (batch, features) of float32, or of float64 where a parameter is; y is (batch, outputs).
    The scaling of the data is not inside. The file is what `jax.export` serializes, with its
    SHA-256 at the end, which JAX does not read:
    `jax.export.deserialize(bytearray(Path(path).read_bytes())).call(x)` runs it without fnn, on
    this and, for half a year at least, on later versions of JAX. It replaces an older one when it
    is complete and on the disk.

    Raises ValueError for parameters or a state of another network, for float64 that JAX would
    narrow, for a feature count that the network does not take or that cannot be told, and for
    layers that JAX cannot export: one of your own may not do another thing at one batch size than
    at the others.
    """
    check_net(net)
    check_params(net, params)
    _check_state(net, state)
    for leaf, _ in leaves((params, state)):
        _check_held(leaf)
    n = _feature_count(net, params) if features is None else checks.count("features", features)

    def predict(x):
        return forward(net, params, state, feature_major(x), key=None, train=False)[0].T

    program = _serialized(predict, n, _input_dtype(params, state))
    files.replace(Path(path), program + hashlib.sha256(program).digest())


def from_stablehlo(path: str | Path) -> Predict:
    """The prediction function of a file of `to_stablehlo`: x (batch, features) ↦ y (batch,
    outputs), any batch size.

    It takes what `fnn.apply` takes, converts it to the dtype of the file, and can be jitted. A file
    is a program, which runs when it is called: load those that you trust. Raises ValueError for a
    file that is damaged or not of `to_stablehlo`, and for one of float64 without x64;
    FileNotFoundError where there is none. The function raises ValueError for x that is not
    (examples, features), has another feature count, or values that are not finite.
    """
    exported = _program(path)
    (aval,) = exported.in_avals
    _check_held(Leaf(f"{path}", aval.shape, aval.dtype.name, None))
    call = compiler.jit(exported.call)

    def predict(x: Num[ArrayLike, "batch features"]) -> Float[Array, "batch outputs"]:
        checks.features(x)
        if np.shape(x)[1] != aval.shape[1]:
            raise ValueError(
                f"x: got {np.shape(x)[1]} features, expected {aval.shape[1]}, those of {path}."
            )
        rows = jnp.asarray(x).astype(aval.dtype)
        checks.features(rows)  # float64 can be too large for a file of float32
        return call(rows)

    return predict


def _serialized(predict: Predict, features: int, dtype: np.dtype) -> bytes:
    x = jax.ShapeDtypeStruct(jax.export.symbolic_shape(f"batch, {features}"), dtype)
    try:
        return bytes(jax.export.export(jax.jit(predict), platforms=PLATFORMS)(x).serialize())
    except (jax.errors.InconclusiveDimensionOperation, NotImplementedError, TypeError) as error:
        raise ValueError(
            f"net: JAX cannot export it, expected layers that do not depend on the batch size, "
            f"call no Python and run "
            f"on {', '.join(PLATFORMS)}: {error}"
        ) from error


def _program(path: str | Path) -> jax.export.Exported:
    content = Path(path).read_bytes()
    program, claimed = content[:-SUM_BYTES], content[-SUM_BYTES:]
    if hashlib.sha256(program).digest() != claimed:
        raise ValueError(
            f"{path}: not what to_stablehlo wrote: the SHA-256 of its first {len(program)} bytes "
            f"is "
            f"{hashlib.sha256(program).hexdigest()}, expected {claimed.hex()}, its last ones; "
            f"export it again."
        )
    try:
        return jax.export.deserialize(bytearray(program))
    except (
        Exception
    ) as error:  # of whatever kind: the bytes are what was written, so JAX is not what wrote them
        raise ValueError(
            f"{path}: JAX {jax.__version__} cannot read it, export it again: {error!r}"
        ) from error


def _check_state(net: Layer, state: State) -> None:
    difference = checks.difference(state, shapes_of(net)[1])
    if difference:
        raise ValueError(
            f"state: it{difference}; net.init(key) returns (params, state): pass the trained state."
        )


def _feature_count(net: Layer, params: Params) -> int:
    """A network does not say what it takes, but it refuses what it does not."""
    sizes = dict.fromkeys(leaf.shape[-1] for leaf, _ in leaves(params) if leaf.shape)
    taken = [n for n in sizes if n and _takes(net, n)]
    if len(taken) != 1:
        said = f"any of {taken}" if taken else f"none of {list(sizes)}, the sizes of its parameters"
        raise ValueError(f"features: the network takes {said}; expected one count: pass features=.")
    return taken[0]


def _takes(net: Layer, features: int) -> bool:
    try:
        return outputs_of(net, features) > 0
    except (ValueError, TypeError):  # of the layer, or of an operation on shapes that do not fit
        return False


def _input_dtype(params: Params, state: State) -> np.dtype:
    real = [
        leaf.dtype
        for leaf, _ in leaves((params, state))
        if jnp.issubdtype(leaf.dtype, jnp.floating)
    ]
    return jnp.result_type(jnp.float32, *real)
