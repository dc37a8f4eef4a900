"""Write networks for other programs: parameters as `npz`, a trained network as StableHLO.

An npz file has an array for each leaf. Its name is the position of the layer and the name of the
field, such as `0/W`. W is (out, in) in fnn as in PyTorch, so that nothing has to be transposed. The
positions are those of a `torch.nn.Sequential` of the same layers and of its `state_dict()`, where
dropout and activations count too:

| fnn          | PyTorch                   | shape                                            |
|--------------|---------------------------|--------------------------------------------------|
| `0/W`        | `0.weight` of Linear      | (out, in)                                        |
| `0/b`        | `0.bias` of Linear        | (out,)                                           |
| `1/scale`    | `1.weight` of BatchNorm1d | (features,)                                      |
| `1/shift`    | `1.bias` of BatchNorm1d   | (features,)                                      |
| `1/mean`     | `1.running_mean`          | (features,)                                      |
| `1/variance` | `1.running_var`           | (features,), unbiased in both                    |
| (not kept)   | `1.num_batches_tracked`   | (); evaluation does not read this counter        |

The dtype is that of the parameter. An unbiased variance is n/(n − 1) times that of the batch. By
default ε is 1e-5 in both. The momentum μ of fnn is 1 − μ in PyTorch (0.9 and 0.1 by default). A
layer inside a layer has a longer name (`0/2/W`). The arrays of `layers.repeat` have an axis (times,
…) in front. A `layers.graph` has the names of its groups (`h1+h2/W`).
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


def to_npz(path: str | Path, params: Params, state: State = ()) -> None:
    """Write parameters and state as a file that `np.load` and `from_npz` read.

    path    the name of the file; nothing is appended to it
    params  the parameters, as `net.init` returns them
    state   the state of batch normalisation; () by default, for networks without

    The file replaces an older one when it is complete and on the disk. Arrays keep their shapes and
    dtypes. `fnn.export` says how they are named.

    Raises ValueError for leaves that are not arrays of numbers that npz knows (typed keys and
    bfloat16 are not), and OSError if the file cannot be written.

        >>> import tempfile
        >>> from pathlib import Path
        >>> import jax, numpy as np, fnn
        >>> params, state = fnn.mlp((3, 2)).init(jax.random.key(0))
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = Path(folder) / "net.npz"
        ...     fnn.export.to_npz(path, params, state)
        ...     with np.load(path) as arrays:
        ...         print(sorted(arrays), arrays["0/W"].shape)
        ['0/W', '0/b'] (2, 3)
    """
    arrays = {}
    for leaf, value in _named(params, state):
        arrays[leaf.name] = on_host(leaf, value)
    files.replace(Path(path), packed(arrays))


def from_npz(path: str | Path, like_params: Params, like_state: State = ()) -> tuple[Params, State]:
    """Return the parameters and the state that an npz file holds.

    path         a file of `to_npz`, `np.savez` or `np.savez_compressed`
    like_params  parameters with the expected names, shapes and dtypes: of `net.init(key)`, or of
                 `jax.eval_shape(net.init, key)`
    like_state   the same for the state; () by default

    Returns (params, state) as `net.init` does. Leaves are NumPy arrays where those of `like` are,
    and JAX arrays elsewhere. Nothing is converted and nothing is executed.

    Raises ValueError, naming the leaf, its content and the expected one, for names that are missing
    or not expected, for other shapes and dtypes, for files that are damaged or larger than they
    should be, and for float64 that JAX would narrow. Raises FileNotFoundError if there is no file.

        >>> import tempfile
        >>> from pathlib import Path
        >>> import jax, numpy as np, fnn
        >>> net = fnn.mlp((3, 2))
        >>> params, state = net.init(jax.random.key(0))
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = Path(folder) / "net.npz"
        ...     fnn.export.to_npz(path, params, state)
        ...     read, _ = fnn.export.from_npz(path, *jax.eval_shape(net.init, jax.random.key(0)))
        >>> bool((read[0].W == params[0].W).all())
        True
    """
    named = _named(like_params, like_state)
    expected = [leaf for leaf, _ in named]
    content = Path(path).read_bytes()
    placed = []
    try:
        arrays = unpacked(content, expected)
        for leaf, like in named:
            array = restored(leaf, arrays[leaf.name])
            placed.append(_placed(leaf, array, like))
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
    structure = jax.tree.structure((like_params, like_state))
    return jax.tree.unflatten(structure, placed)


def _named(params: Params, state: State) -> list[tuple[Leaf, Any]]:
    """Return the leaves of both; refuse equal names and dtypes that npz does not know."""
    learned = leaves(params)
    carried = leaves(state)
    names_of_params = {leaf.name for leaf, _ in learned}
    for leaf, _ in carried:
        if leaf.name in names_of_params:
            raise ValueError(
                f"state: {leaf.name!r} is the name of a parameter too; rename the field of one of "
                "them."
            )
    for leaf, _ in learned + carried:
        if leaf.key or leaf.stored != jnp.dtype(leaf.dtype):
            raise ValueError(
                f"{leaf.name}: got {leaf}, expected numbers that npz knows; use float32."
            )
    return learned + carried


def _placed(leaf: Leaf, array: np.ndarray, like: Any) -> ArrayLike:
    """Return an array of NumPy or of JAX, as `like` is."""
    if isinstance(like, (np.ndarray, np.generic)):
        return array
    _refuse_narrowing(leaf)
    return jnp.asarray(array)


def _refuse_narrowing(leaf: Leaf) -> None:
    """Refuse a leaf of 64 bits without x64."""
    dtype = jax.dtypes.canonicalize_dtype(leaf.dtype)
    if dtype != leaf.dtype:
        raise ValueError(
            f"{leaf.name}: got {leaf.dtype}, expected {dtype}, to which JAX would narrow it; "
            "jax.config.update('jax_enable_x64', True) keeps it, or convert it yourself."
        )


def to_stablehlo(
    path: str | Path, net: Layer, params: Params, state: State = (), *, features: int | None = None
) -> None:
    """Write the function x ↦ fnn.apply(net, params, x, state=state) as StableHLO.

    path      the name of the file
    net       the network
    params    its parameters, which the file contains
    state     its state; () by default, for networks without
    features  the number of features that the network takes; None, the default, for the one size of
              its parameters that it takes

    The function takes any batch size and runs on cpu, cuda and tpu. x is (batch, features) of
    float32, or of float64 if a parameter is; y is (batch, outputs). The scaling of the data is not
    part of it.

    The file is the output of `jax.export`, followed by its SHA-256, which JAX does not read.
    Without fnn, on this and on later versions of JAX (for half a year at least), this runs it:

        jax.export.deserialize(bytearray(Path(path).read_bytes())).call(x)

    The file replaces an older one when it is complete and on the disk.

    Raises ValueError for parameters or a state of another network, for float64 that JAX would
    narrow, and for a number of features that the network does not take or that cannot be told from
    its parameters. Raises ValueError too for layers that JAX cannot export: a layer must compute
    the same at every batch size.

        >>> import tempfile
        >>> from pathlib import Path
        >>> import jax, numpy as np, fnn
        >>> net = fnn.mlp((3, 2))
        >>> params, state = net.init(jax.random.key(0))
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = Path(folder) / "net.stablehlo"
        ...     fnn.export.to_stablehlo(path, net, params, state)
        ...     predict = fnn.export.from_stablehlo(path)
        >>> predict(np.zeros((5, 3))).shape
        (5, 2)
    """
    check_net(net)
    check_params(net, params)
    _check_state(net, state)
    for leaf, _ in leaves((params, state)):
        _refuse_narrowing(leaf)
    if features is None:
        features = _feature_count(net, params)
    n = checks.count("features", features)

    def predict(x):
        columns = feature_major(x)
        y, *_ = forward(net, params, state, columns, key=None, train=False)
        return y.T

    program = _serialized(predict, n, _input_dtype(params, state))
    checksum = hashlib.sha256(program).digest()
    files.replace(Path(path), program + checksum)


def from_stablehlo(path: str | Path) -> Predict:
    """Return the function that a file of `to_stablehlo` holds.

    path  the name of the file

    Returns a function from x (batch, features), of any batch size, to y (batch, outputs). It takes
    the same x as `fnn.apply`, converts it to the dtype of the file, and can be jitted. It raises
    ValueError for x that is not (examples, features), that has another number of features, or that
    has values that are not finite.

    The file is a program that runs when the function is called: load only files that you trust.

    Raises ValueError for a file that is damaged or that `to_stablehlo` did not write, and for one
    of float64 without x64. Raises FileNotFoundError if there is no file.

        >>> import tempfile
        >>> from pathlib import Path
        >>> import jax, numpy as np, fnn
        >>> net = fnn.mlp((3, 2))
        >>> params, _ = net.init(jax.random.key(0))
        >>> x = np.ones((1, 3), np.float32)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = Path(folder) / "net.stablehlo"
        ...     fnn.export.to_stablehlo(path, net, params)
        ...     y = fnn.export.from_stablehlo(path)(x)
        >>> np.allclose(y, fnn.apply(net, params, x))
        True
    """
    exported = _program(path)
    (aval,) = exported.in_avals
    dtype = aval.dtype
    _refuse_narrowing(Leaf(str(path), aval.shape, dtype.name, None))
    call = compiler.jit(exported.call)
    expected = aval.shape[1]

    def predict(x: Num[ArrayLike, "batch features"]) -> Float[Array, "batch outputs"]:
        checks.features(x)
        _, n = np.shape(x)
        if n != expected:
            raise ValueError(f"x: got {n} features, expected {expected}, those of {path}.")
        rows = jnp.asarray(x)
        rows = rows.astype(dtype)
        checks.features(rows)  # float64 can be too large for a file of float32
        return call(rows)

    return predict


def _serialized(predict: Predict, features: int, dtype: np.dtype) -> bytes:
    """Return the export of a prediction function for any batch size."""
    shape = jax.export.symbolic_shape(f"batch, {features}")
    x = jax.ShapeDtypeStruct(shape, dtype)
    export = jax.export.export(jax.jit(predict), platforms=PLATFORMS)
    try:
        return bytes(export(x).serialize())
    except (jax.errors.InconclusiveDimensionOperation, NotImplementedError, TypeError) as error:
        raise ValueError(
            "net: JAX cannot export it, expected layers that do not depend on the batch size, "
            f"call no Python and run on {', '.join(PLATFORMS)}: {error}"
        ) from error


def _program(path: str | Path) -> jax.export.Exported:
    """Return the program of a file; refuse one that is damaged or that JAX cannot read."""
    content = Path(path).read_bytes()
    program = content[:-SUM_BYTES]
    claimed = content[-SUM_BYTES:]
    checksum = hashlib.sha256(program)
    if checksum.digest() != claimed:
        raise ValueError(
            f"{path}: not what to_stablehlo wrote: the SHA-256 of its first {len(program)} bytes "
            f"is {checksum.hexdigest()}, expected {claimed.hex()}, its last ones; export it again."
        )
    try:
        return jax.export.deserialize(bytearray(program))
    except Exception as error:  # of any kind: the file is complete, but not from this JAX
        raise ValueError(
            f"{path}: JAX {jax.__version__} cannot read it, export it again: {error!r}"
        ) from error


def _check_state(net: Layer, state: State) -> None:
    """Refuse the state of another network."""
    _, expected = shapes_of(net)
    difference = checks.difference(state, expected)
    if difference:
        raise ValueError(
            f"state: it{difference}; net.init(key) returns (params, state): pass the trained state."
        )


def _feature_count(net: Layer, params: Params) -> int:
    """Return the number of features that a network takes.

    A network does not say which number it takes, but it refuses all others. The sizes of its
    parameters are tried.
    """
    shapes = [leaf.shape for leaf, _ in leaves(params)]
    sizes = dict.fromkeys(shape[-1] for shape in shapes if shape)
    taken = [n for n in sizes if n and _takes(net, n)]
    if len(taken) == 1:
        return taken[0]
    takes = f"any of {taken}"
    if not taken:
        takes = f"none of {list(sizes)}, the sizes of its parameters"
    raise ValueError(f"features: the network takes {takes}; expected one count: pass features=.")


def _takes(net: Layer, features: int) -> bool:
    """Return whether a network takes a number of features."""
    try:
        return outputs_of(net, features) > 0
    except (ValueError, TypeError):  # of the layer, or of an operation on shapes that do not fit
        return False


def _input_dtype(params: Params, state: State) -> np.dtype:
    """Return float64 if a parameter or the state is, and float32 otherwise."""
    dtypes = [leaf.dtype for leaf, _ in leaves((params, state))]
    real = [dtype for dtype in dtypes if jnp.issubdtype(dtype, jnp.floating)]
    return jnp.result_type(jnp.float32, *real)
