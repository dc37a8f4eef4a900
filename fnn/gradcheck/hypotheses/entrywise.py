"""Find z and a in the loss: values of which one is a function of the other, entry by entry."""

from collections.abc import Callable, Sequence
from itertools import combinations
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from fnn import activations, compiler, witness
from fnn.gradcheck.flat_jaxpr import FlatJaxpr, Operation, Variable, apply_by_jax, is_key
from fnn.gradcheck.replay import Replay, Rule

NOT_ENTRYWISE = frozenset(
    "transpose rev sort cumsum cumprod cummax cummin cumlogsumexp dot_general "
    "convert_element_type custom_vjp_call scan while cond".split()
)
"""Operations that end a stretch.

They mix entries, change the dtype, or have no forward-mode derivative.
"""

LONGEST = 10  # operations along a stretch that is taken for one function
MOST = 600  # operations along all stretches together

WORDS = {
    "integer_pow": "a power",
    "pow": "a power",
    "mul": "a product (with a mask or a weight?)",
    "div": "a quotient",
    "select_n": "jnp.where",
}


class Entrywise(NamedTuple):
    """A function a = f(z), entry by entry.

    z, a        the variables of the two values
    slope       f′(z)
    slope_at_a  f′(a)
    name        an activation of the library, or the last operation
    steps       the names of its operations, last first
    ordinal     its number among the activations in the forward pass
    """

    z: Variable
    a: Variable
    slope: np.ndarray
    slope_at_a: np.ndarray
    name: str
    steps: tuple[str, ...]
    ordinal: int

    @property
    def is_activation(self) -> bool:
        """Return whether it is an activation of the library, and not just operations in a row."""
        return self.name in activations.REGISTRY

    @property
    def where(self) -> str:
        """Return its name for explanations."""
        if self.is_activation:
            return f"{self.name} (number {self.ordinal} in the forward pass)"
        word = WORDS.get(self.name, self.name)
        return f"{word}, on an array of shape {self.slope.shape},"

    def rule(self, wrong: np.ndarray) -> Rule:
        """Return the error of δ_z when it is δ_a ⊙ wrong instead of δ_a ⊙ f′(z)."""
        return lambda backward: backward.deltas[self.a] * (wrong - self.slope)


def functions(replay: Replay) -> list[Entrywise]:
    """Return every pair of values of which one is a function of the other, entry by entry.

    Activations come first, then the longest stretches.
    """
    pairs = _stretches(chains(replay))
    slopes_of_pairs = _slopes(replay, pairs)
    entrywise = []
    for (z, a), slopes in zip(pairs, slopes_of_pairs, strict=True):
        if not slopes.is_entrywise() or slopes.is_linear():
            continue
        operations = _between(replay.flat, z, a)
        steps = tuple(operation.name for operation in operations)
        name = name_of(replay, z, a)
        f = Entrywise(z, a, slopes.at_z, slopes.at_a, name, steps, 0)
        entrywise.append(f)
    numbered = _numbered(entrywise)
    return sorted(numbered, key=lambda f: not f.is_activation)


def _numbered(functions: list[Entrywise]) -> list[Entrywise]:
    """Return the functions, with the activations numbered in the order of the forward pass."""
    places = {f.z for f in functions if f.is_activation}
    numbered = []
    for f in functions:
        ordinal = sum(z <= f.z for z in places)
        numbered.append(f._replace(ordinal=ordinal))
    return numbered


# ------------------------------------------------------------------------------------------- chains


def _stretches(chains: list[list[Variable]]) -> list[tuple[Variable, Variable]]:
    """Return (z, a) for the ends of the stretches of all chains.

    They are as many of the shortest as can be compiled in a second.
    """
    lengths = {}
    for chain in chains:
        places = range(len(chain))
        for i, j in combinations(places, 2):
            length = j - i
            ends = (chain[i], chain[j])
            if length <= LONGEST:
                lengths[ends] = length
    shortest = sorted(lengths, key=lambda pair: (lengths[pair], pair))
    chosen = []
    total = 0
    for pair in shortest:
        total += lengths[pair]
        if total > MOST:
            break
        chosen.append(pair)
    return sorted(chosen, key=lambda pair: (pair[0], -pair[1]))


def chains(replay: Replay) -> list[list[Variable]]:
    """Return chains of values of one shape, each computed from the one before it alone.

    They hold floating-point numbers, and are as long as possible.
    """
    deltas = replay.deltas
    shapes = {variable: np.shape(value) for variable, value in replay.values.items()}
    candidates = []
    for end in deltas:
        if not shapes[end]:
            continue
        chain = _chain(replay, shapes, end)
        with_delta = [variable for variable in chain if variable in deltas]
        if len(with_delta) > 1:
            candidates.append(with_delta)
    return [chain for chain in candidates if not _is_within_another(chain, candidates)]


def _is_within_another(chain: list[Variable], candidates: list[list[Variable]]) -> bool:
    own = set(chain)
    return any(own < set(other) for other in candidates)


def _chain(replay: Replay, shapes: dict, end: Variable) -> list[Variable]:
    """Return the chain that ends at a value.

    It is found backwards: a value through which everything has to pass belongs to the chain.
    """
    chain = [end]
    front = {end}
    while True:
        last = max(front)
        operation = replay.producer(last)
        if operation is None:
            return chain[::-1]
        if operation.primitive in NOT_ENTRYWISE:
            return chain[::-1]
        inputs = replay.flat.dependent.intersection(operation.inputs)
        input_shapes = {shapes[variable] for variable in inputs}
        if input_shapes != {shapes[end]}:
            return chain[::-1]
        front = (front - {last}) | inputs
        if len(front) == 1:
            chain += front


# ------------------------------------------------------------------------------------------- slopes


class _Slopes(NamedTuple):
    """The derivatives of a function: f′(z), J signs at z, the signs, and f′(a)."""

    at_z: np.ndarray
    mixed: np.ndarray
    signs: np.ndarray
    at_a: np.ndarray

    def is_entrywise(self) -> bool:
        """Return whether J signs is f′(z) ⊙ signs, so that no entry depends on another."""
        by_slope = self.at_z * self.signs
        return np.allclose(self.mixed, by_slope, rtol=1e-9, atol=1e-12)

    def is_linear(self) -> bool:
        """Return whether the derivative is the same everywhere."""
        spread = np.ptp(self.at_z)
        if spread != 0:
            return False
        return np.array_equal(self.at_z, self.at_a)


def _slopes(replay: Replay, pairs: Sequence[tuple[Variable, Variable]]) -> list[_Slopes]:
    """Compute the derivatives of the function of each pair, in one program."""
    if not pairs:
        return []
    values, keys = _without_keys(replay.values)
    rng = np.random.default_rng(0)
    signs = []
    for z, _ in pairs:
        shape = np.shape(values[z])
        drawn = rng.choice([-1.0, 1.0], shape)
        signs.append(drawn)

    @compiler.jit
    def program(values):
        all_values = keys | values
        rows = []
        for (z, a), own_signs in zip(pairs, signs, strict=True):
            f = _function(replay.flat, z, a, all_values)
            row = _slopes_of(f, values[z], values[a], own_signs)
            rows.append(row)
        return rows

    rows = jax.device_get(program(values))
    slopes = []
    for own_signs, (at_z, mixed, at_a) in zip(signs, rows, strict=True):
        slopes.append(_Slopes(at_z, mixed, own_signs, at_a))
    return slopes


def _slopes_of(f: Callable, z: jax.Array, a: jax.Array, signs: np.ndarray) -> tuple:
    """Return f′(z), J signs at z, and f′(a)."""
    one = jnp.ones_like(z)
    _, at_z = jax.linearize(f, z)
    _, at_a = jax.jvp(f, (a,), (one,))
    slope = at_z(one)
    mixed = at_z(jnp.asarray(signs))
    return slope, mixed, at_a


def _without_keys(all_values: dict) -> tuple[dict, dict]:
    """Return the values that are numbers, and those that are random keys."""
    numbers: dict[Variable, Any] = {}
    keys: dict[Variable, Any] = {}
    for variable, value in all_values.items():
        if is_key(value):
            keys[variable] = value
        else:
            numbers[variable] = value
    return numbers, keys


def _between(flat: FlatJaxpr, z: Variable, a: Variable) -> list[Operation]:
    """Return the operations from the value z to the value a, last first."""
    operations: list[Operation] = []
    wanted = {a}
    for operation in reversed(flat.operations):
        if not wanted.intersection(operation.outputs):
            continue
        is_after = min(operation.outputs) > z
        if is_after and flat.dependent.intersection(operation.inputs):
            operations.append(operation)
            wanted |= set(operation.inputs)
    return operations


def _function(flat: FlatJaxpr, z: Variable, a: Variable, values: dict) -> Callable:
    """Return the function from the value z to the value a."""
    last_first = _between(flat, z, a)
    operations = last_first[::-1]

    def f(z_value):
        own_values = values | {z: z_value}
        for operation in operations:
            inputs = [own_values[variable] for variable in operation.inputs]
            outputs = apply_by_jax(operation, inputs)
            pairs = zip(operation.outputs, outputs, strict=True)
            own_values |= dict(pairs)
        return own_values[a]

    return f


def name_of(replay: Replay, z: Variable, a: Variable) -> str:
    """Return the name of the function from z to a.

    It is that of an activation of the library which computes the same, or else the last operation.
    """
    before = np.asarray(replay.values[z])
    after = np.asarray(replay.values[a])
    epsilon = float(jnp.finfo(before.dtype).eps)
    tolerance = np.sqrt(epsilon)
    for name, activation in activations.REGISTRY.items():
        if name in ("identity", "softmax"):
            continue
        value = witness.evaluate(activation.value, before)
        if np.allclose(value, after, rtol=tolerance, atol=tolerance):
            return name
    operation = replay.producer(a)
    if operation is None:
        return "the loss's operations"
    return operation.name
