"""Compiler options under which a program is computed rightly."""

from typing import NamedTuple

import jax

from fnn import compiler
from fnn.compiled.judging import Judge
from fnn.compiled.running import Crash, Run
from fnn.compiler import Option

NO_FUSION_EMITTERS = Option(
    "xla_cpu_use_fusion_emitters", False, "--xla_cpu_use_fusion_emitters=false"
)
NO_FUSION = Option("xla_disable_hlo_passes", "fusion", "--xla_disable_hlo_passes=fusion")
NO_OPTIMIZATION = Option("xla_backend_optimization_level", 0, "--xla_backend_optimization_level=0")
NO_TRITON = Option("xla_gpu_enable_triton_gemm", False, "--xla_gpu_enable_triton_gemm=false")
NO_AUTOTUNING = Option("xla_gpu_autotune_level", 0, "--xla_gpu_autotune_level=0")


class Remedy(NamedTuple):
    """What computes a program rightly.

    option   of the compiler
    version  the first jaxlib that has the fault no more, where a known fault has this option
    """

    option: Option
    version: str | None

    def __str__(self) -> str:
        name, value = self.option.name, self.option.value
        lines = [
            f'XLA_FLAGS="{self.option.flag}" before JAX starts, for every program',
            f"or, of the outermost jit alone, jax.jit(f, compiler_options={{{name!r}: {value!r}}})",
        ]
        if self.version:
            lines.append(f"or jaxlib >= {self.version}")
        return "\n".join(lines)


def suspects() -> list[Option]:
    """Return the options to try, one at a time: of known faults first, then whole passes."""
    known = [fault.option for fault in compiler.present()]
    if jax.default_backend() == "cpu":
        further = [NO_FUSION_EMITTERS, NO_FUSION, NO_OPTIMIZATION]
    else:
        further = [NO_TRITON, NO_AUTOTUNING, NO_FUSION]
    return list(dict.fromkeys([*known, *further]))


def remedy(judge: Judge, run: Run) -> Remedy | None:
    """Return the first option under which a program agrees with the witness, or None."""
    for option in suspects():
        if not compiler.is_known(option):
            continue
        try:
            computed = run(judge.closed, judge.arguments, {option.name: option.value})
        except Crash:
            continue
        if judge.deviation(computed) is None:
            return Remedy(option, right_since(option))
    return None


def right_since(option: Option) -> str | None:
    """Return the jaxlib that mends every fault of the running one that an option avoids."""
    faults = [fault for fault in compiler.present() if fault.option == option]
    ends = [fault.until for fault in faults]
    if not ends or None in ends:
        return None
    return ".".join(map(str, max(end for end in ends if end)))
