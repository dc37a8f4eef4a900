"""Finding z and a in the loss: the values of which one is a function of the other, entry
by entry.
"""

from collections.abc import Callable, Sequence
from itertools import accumulate, combinations
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from fnn import activations, compiler
from fnn.gradcheck.flat_jaxpr import FlatJaxpr, Operation, Variable, apply, is_key
from fnn.gradcheck.replay import Replay, Rule

NOT_ENTRYWISE = frozenset(
    "transpose rev sort cumsum cumprod cummax cummin cumlogsumexp dot_general "
    "convert_element_type custom_vjp_call "
    "scan while cond".split()
)
"""Operations that end a stretch: they mix entries, change the dtype, or have no forward-mode
derivative.
"""
LONGEST = 10  # operations along a stretch that is taken for one function
WORDS = {
    "integer_pow": "a power",
    "pow": "a power",
    "mul": "a product (with a mask or a weight?)",
    "div": "a quotient",
    "select_n": "jnp.where",
}
MOST = 600  # operations along all stretches together


class Entrywise(NamedTuple):
    """a = f(z) entry by entry, the values of f′ at z and at a, and what f is called."""

    z: Variable
    a: Variable
    slope: np.ndarray
    slope_at_a: np.ndarray
    name: str
    steps: tuple[str, ...]
    ordinal: int

    @property
    def is_activation(self) -> bool:
        """Whether it is one of the library's, and not just some operations in a row."""
        return self.name in activations.REGISTRY

    @property
    def where(self) -> str:
        """For explanations."""
        if self.is_activation:
            return f"{self.name} (number {self.ordinal} in the forward pass)"
        return f"{WORDS.get(self.name, self.name)}, on an array of shape {self.slope.shape},"

    def instead(self, wrong: np.ndarray) -> dict[Variable, Rule]:
        """δ_z = δ_a ⊙ wrong instead of δ_a ⊙ f′(z)."""
        return {self.z: lambda found: found.deltas[self.a] * (wrong - self.slope)}


def functions(replay: Replay) -> list[Entrywise]:
    """Every pair of values of which one is a function of the other entry by entry, the longest
    stretches first.
    """
    pairs = _stretches(chains(replay))
    slopes = _slopes(replay, pairs)
    found = []
    for (z, a), (slope, mixed, signs, slope_at_a) in zip(pairs, slopes, strict=True):
        linear = np.ptp(slope) == 0 and np.array_equal(slope, slope_at_a)
        if np.allclose(mixed, slope * signs, rtol=1e-9, atol=1e-12) and not linear:
            steps = tuple(step.name for step in _steps(replay.flat, z, a))
            found.append(Entrywise(z, a, slope, slope_at_a, name_of(replay, z, a), steps, 0))
    places = sorted({f.z for f in found if f.is_activation})
    numbered = [f._replace(ordinal=sum(z <= f.z for z in places)) for f in found]
    return sorted(numbered, key=lambda f: not f.is_activation)


def _stretches(chains: list[list[Variable]]) -> list[tuple[Variable, Variable]]:
    """(z, a) for the ends of every stretch of a chain, as many of the short ones as can be compiled
    in a second.
    """
    lengths = {
        (c[i], c[j]): j - i
        for c in chains
        for i, j in combinations(range(len(c)), 2)
        if j - i <= LONGEST
    }
    shortest = sorted(lengths, key=lambda pair: (lengths[pair], pair))
    total = accumulate(lengths[pair] for pair in shortest)
    return sorted(
        (p for p, n in zip(shortest, total, strict=True) if n <= MOST),
        key=lambda pair: (pair[0], -pair[1]),
    )


def chains(replay: Replay) -> list[list[Variable]]:
    """Floating-point values of one shape, each computed from the one before it alone, as long as
    can be.
    """
    flat = replay.flat
    producers = {number: step for step in flat.operations for number in step.outputs}
    shapes = {number: np.shape(value) for number, value in replay.right.values.items()}
    found = [_chain(flat, producers, shapes, end) for end in replay.right.deltas if shapes[end]]
    floats = [[number for number in chain if number in replay.right.deltas] for chain in found]
    longest = [chain for chain in floats if len(chain) > 1]
    return [
        chain
        for chain in longest
        if not any(chain != other and set(chain) < set(other) for other in longest)
    ]


def _chain(flat: FlatJaxpr, producers: dict, shapes: dict, end: Variable) -> list[Variable]:
    """Backwards from `end`: a value through which everything has to pass belongs to the chain."""
    chain, front = [end], {end}
    while True:
        step = producers.get(max(front))
        inputs = set() if step is None else flat.dependent.intersection(step.inputs)
        shape = {shapes[end]}
        if (
            step is None
            or step.equation.primitive.name in NOT_ENTRYWISE
            or {shapes[n] for n in inputs} != shape
        ):
            return chain[::-1]
        front = (front - {max(front)}) | inputs
        if len(front) == 1:
            chain += front


def _slopes(
    replay: Replay, pairs: Sequence[tuple[Variable, Variable]]
) -> list[tuple[np.ndarray, ...]]:
    """For each pair: f′(z), Jᵀ on signs, the signs, f′(a), in one program."""
    keys = {n: v for n, v in replay.right.values.items() if is_key(v)}
    values = {n: v for n, v in replay.right.values.items() if n not in keys}
    rng = np.random.default_rng(0)
    signs = {pair: rng.choice([-1.0, 1.0], np.shape(values[pair[0]])) for pair in pairs}

    @compiler.jit
    def program(values):
        rows = []
        for z, a in pairs:
            f = _between(replay.flat, z, a, keys | values)
            one = jnp.ones_like(values[z])
            at_z = jax.linearize(f, values[z])[1]
            rows.append(
                (at_z(one), at_z(jnp.asarray(signs[z, a])), jax.jvp(f, (values[a],), (one,))[1])
            )
        return rows

    rows = jax.device_get(program(values)) if pairs else []
    return [
        (slope, mixed, signs[pair], at_a)
        for pair, (slope, mixed, at_a) in zip(pairs, rows, strict=True)
    ]


def _steps(flat: FlatJaxpr, z: Variable, a: Variable) -> list[Operation]:
    """The operations from the value z to the value a, last first."""
    needed: list[Operation] = []
    wanted = {a}
    for step in reversed(flat.operations):
        if (
            wanted.intersection(step.outputs)
            and min(step.outputs) > z
            and flat.dependent.intersection(step.inputs)
        ):
            needed.append(step)
            wanted |= set(step.inputs)
    return needed


def _between(flat: FlatJaxpr, z: Variable, a: Variable, values: dict) -> Callable:
    """The function from the value z to the value a."""
    needed = _steps(flat, z, a)

    def f(z_value):
        local = values | {z: z_value}
        for step in reversed(needed):
            local |= dict(
                zip(step.outputs, apply(step, [local[n] for n in step.inputs]), strict=True)
            )
        return local[a]

    return f


def name_of(replay: Replay, z: Variable, a: Variable) -> str:
    """What the function from z to a is called: one of the library's activations if it computes
    that, else its step.
    """
    before, after = (np.asarray(replay.right.values[n]) for n in (z, a))
    for name, activation in activations.REGISTRY.items():
        if name not in ("identity", "softmax") and np.allclose(
            _value(activation)(before), after, rtol=1e-9, atol=1e-9
        ):
            return name
    step = replay.producer(a)
    return "the loss's operations" if step is None else step.name


def _value(activation: activations.Activation) -> Callable:
    return compiler.jit(activation.value)
