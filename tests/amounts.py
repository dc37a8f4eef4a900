"""How much a test does: little by default, and more with scripts/test --all."""

from fnn import compiler

KNOWS_EMITTERS = compiler.version() < (0, 11, 1)  # later ones end at the flag that turns them off
FEWER_OPTIMIZATIONS = (
    "--xla_backend_optimization_level=0 --xla_cpu_use_fusion_emitters=false"
    if KNOWS_EMITTERS
    else "--xla_backend_optimization_level=0"
)
"""Flags of XLA with which it compiles three times as fast. Programs that should be equal in every
bit may then differ: what is about bits is marked `optimized`. (Level 0 with fusion emitters
computes NaN for a right program on jaxlib 0.10.2: the checker's of a network with batch norm.)"""

FEWER_CASES = 8  # by this factor the default runs fewer cases of every(n) than --slow does

ALL = False  # conftest sets it before the test files are imported


def amount(default: int, with_all: int) -> int:
    """Return the number of draws, runs or repetitions of a test."""
    return with_all if ALL else default


QUICK_FILES = (
    "checkpoint/test_checkpoint.py",
    "data/test_malformed_files.py",
    "experiments/test_claims_backprop.py",
    "experiments/test_claims_generalisation.py",
    "experiments/test_claims_optimizers.py",
    "optim/test_clip.py",
    "optim/test_refusals.py",
    "runs/test_sweep_function.py",
    "test_architecture.py",
    "test_checks.py",
    "test_compiler.py",
    "course/test_constructions.py",
    "test_initializers.py",
    "test_mlp.py",
    "test_witness.py",
)
"""The files of tests/ that scripts/test --quick runs whole: each takes a few seconds. Of the others
it runs what is marked quick: a training, a sweep, a check of a gradient."""

LONGEST_FILES = (
    "experiments/test_report.py",
    "gradcheck/test_planted_faults.py",
    "runs/test_sweep.py",
    "test_random_networks.py",
    "gradcheck/test_gradcheck.py",
    "runs/test_training.py",
    "runs/test_resume.py",
    "doctor/test_doctor.py",
    "test_strict.py",
    "test_readme.py",
    "layers/test_padded.py",
    "layers/test_graph.py",
)
"""The files that take longest, longest first."""
