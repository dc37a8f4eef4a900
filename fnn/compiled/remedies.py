"""Find a compiler option under which a program is computed rightly."""

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
    """An option under which a program is computed rightly.

    option   of the compiler
    version  the first jaxlib without the fault, where a known fault has this option; None elsewhere
    """

    option: Option
    version: str | None

    def __str__(self) -> str:
        options = {self.option.name: self.option.value}
        lines = [
            f'XLA_FLAGS="{self.option.flag}" before JAX starts, for every program',
            f"or, of the outermost jit alone, jax.jit(f, compiler_options={options})",
        ]
        if self.version:
            lines.append(f"or jaxlib >= {self.version}")
        return "\n".join(lines)


def candidates() -> list[Option]:
    """Return the options to try, one at a time: those of known faults, then whole passes."""
    options = [fault.option for fault in compiler.present()]
    if jax.default_backend() == "cpu":
        options += [NO_FUSION_EMITTERS, NO_FUSION, NO_OPTIMIZATION]
    else:
        options += [NO_TRITON, NO_AUTOTUNING, NO_FUSION]
    return list(dict.fromkeys(options))


def find_remedy(judge: Judge, run: Run) -> Remedy | None:
    """Return the first option under which a program agrees with the witness, or None."""
    for option in candidates():
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
    """Return the first jaxlib without the faults that an option avoids in the running one.

    Returns None where a fault has not been mended, or the option avoids none.
    """
    ends = [fault.until for fault in compiler.present() if fault.option == option]
    mended = [end for end in ends if end]
    if not ends or None in ends:
        return None
    return ".".join(str(number) for number in max(mended))
