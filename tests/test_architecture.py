"""Dependencies run one way, nothing of autodiff is in the library, and importing it does
nothing.
"""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests import amounts

ROOT = Path(__file__).parent.parent
FILES = sorted((ROOT / "fnn").rglob("*.py"))

MAY_IMPORT = {
    "types": set(),
    "renamed": set(),
    "checks": set(),
    "plot": {"renamed"},
    "compiler": set(),
    "remembered": set(),
    "devices": set(),
    "numpy_rules": set(),
    "witness": {"types", "numpy_rules"},
    "tree": {"types"},
    "activations": {"checks", "remembered", "renamed"},
    "initializers": {"types", "checks", "compiler", "remembered", "renamed"},
    "losses": {"types", "checks", "remembered"},
    "penalties": {"types", "checks", "tree", "remembered"},
    "reductions": {"types", "checks"},
    "metrics": {"reductions"},
    "callbacks": set(),
    "layers": {
        "types",
        "checks",
        "compiler",
        "remembered",
        "renamed",
        "activations",
        "initializers",
    },
    "mlp": {"types", "checks", "remembered", "activations", "initializers", "layers"},
    "backprop": {"types", "checks", "tree", "reductions"},
    "diagnostics": {"types", "checks", "renamed", "reductions", "backprop", "layers"},
    "compiled": {"types", "compiler", "witness"},
    "gradcheck": {
        "types",
        "checks",
        "compiler",
        "compiled",
        "witness",
        "activations",
        "reductions",
        "backprop",
        "layers",
        "renamed",
    },
    "testing": {"gradcheck", "compiled"},
    "__main__": {"gradcheck", "compiled", "doctor"},
    "optim": {"types", "checks", "tree", "remembered"},
    "course": {
        "types",
        "checks",
        "compiler",
        "tree",
        "activations",
        "layers",
        "mlp",
        "optim",
    },
    "data": {"types", "checks", "renamed", "checkpoint"},
    "checkpoint": {"types", "checks"},
    "explorer": set(),
    "workers": {"checks", "checkpoint", "devices"},
    "export": {"types", "checks", "compiler", "backprop", "checkpoint"},
    "runs": {
        "explorer",
        "types",
        "checks",
        "compiler",
        "devices",
        "tree",
        "reductions",
        "backprop",
        "layers",
        "data",
        "checkpoint",
        "metrics",
        "callbacks",
        "optim",
        "workers",
    },
    "figures": {"checks", "plot", "runs", "racing"},
    "optimizing": {"checks", "data", "metrics", "runs", "racing", "workers"},
    "racing": {"types", "checks", "checkpoint", "data", "metrics", "runs", "workers"},
    "sklearn": {
        "types",
        "checks",
        "compiler",
        "remembered",
        "activations",
        "losses",
        "penalties",
        "optim",
        "mlp",
        "backprop",
        "data",
        "runs",
    },
    "doctor": {
        "types",
        "activations",
        "backprop",
        "compiler",
        "data",
        "devices",
        "layers",
        "losses",
        "optim",
        "renamed",
        "runs",
        "witness",
    },
}
"""Part of the library (a module or a package) -> the parts it may import."""


def part(module: str) -> str:
    """fnn.layers.dense -> layers"""
    return module.split(".")[1]


def imports(path: Path) -> set[str]:
    """The modules of fnn that a file imports, wherever in the file it does."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return {name for name in found if name.split(".")[0] in ("fnn", "experiments", "tests")}


def own_part(path: Path) -> str:
    return path.relative_to(ROOT / "fnn").parts[0].removesuffix(".py")


def test_imports_follow_the_table():
    offenders = [
        f"{path.relative_to(ROOT)} imports {name}"
        for path in FILES
        if own_part(path) != "__init__"
        for name in sorted(imports(path))
        if not may_import(own_part(path), name)
    ]
    assert not offenders, "\n".join(offenders)


def may_import(own: str, name: str) -> bool:
    """Tells whether the table lets a part of the library import a module."""
    allowed = MAY_IMPORT.get(own, set()) | {own}
    return name.startswith("fnn.") and part(name) in allowed


def test_the_table_has_no_cycle_and_no_dead_entry():
    used: dict[str, set[str]] = {}
    for path in FILES:
        own = own_part(path)
        if own != "__init__":
            used.setdefault(own, set()).update({part(name) for name in imports(path)} - {own})
    assert used == MAY_IMPORT
    settled: set[str] = set()
    while rest := {own for own in MAY_IMPORT if own not in settled}:
        ready = {own for own in rest if MAY_IMPORT[own] <= settled}
        assert ready, f"cycle among {rest}"
        settled |= ready


AUTODIFF = {
    "grad",
    "value_and_grad",
    "vjp",
    "jvp",
    "linearize",
    "jacfwd",
    "jacrev",
    "hessian",
    "custom_vjp",
    "custom_jvp",
}


def test_no_autodiff():
    offenders = [
        f"{path.relative_to(ROOT)} takes {name} from jax or optax"
        for path in FILES
        if own_part(path) != "gradcheck"  # which compares with autodiff
        for name in sorted(autodiff_in(path.read_text()))
    ]
    assert not offenders, "\n".join(offenders)


def autodiff_in(code: str) -> set[str]:
    """The functions of AUTODIFF that a file takes from jax or optax, under whatever name it knows
    them or their module: what it imports, and every attribute of a name that it imports.
    """
    found, foreign = set(), set()
    nodes = list(ast.walk(ast.parse(code)))
    for node in nodes:
        if isinstance(node, ast.Import):
            foreign |= {
                alias.asname or alias.name.split(".")[0]
                for alias in node.names
                if _foreign(alias.name)
            }
        if isinstance(node, ast.ImportFrom) and _foreign(node.module or ""):
            foreign |= {alias.asname or alias.name for alias in node.names}
            found |= {alias.name for alias in node.names} & AUTODIFF
    for node in nodes:
        if isinstance(node, ast.Attribute) and node.attr in AUTODIFF and _root(node) in foreign:
            found.add(node.attr)
    return found


def _foreign(module: str) -> bool:
    return module.split(".")[0] in ("jax", "optax")


def _root(node: ast.expr) -> str:
    while isinstance(node, ast.Attribute):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""


@pytest.mark.parametrize(
    ("code", "name"),
    [
        ("import jax\njax.grad(f)", "grad"),
        ("import jax as j\nj.vjp(f, x)", "vjp"),
        ("import jax.numpy\njax.jvp", "jvp"),
        ("from jax import grad as g", "grad"),
        ("from jax._src import api as inner\ninner.linearize(f)", "linearize"),
        ("from jax import api_util as a\na.b.hessian(f)", "hessian"),
        ("def f():\n    import jax as j\n    return j.jacrev", "jacrev"),
        ("import optax as o\no.value_and_grad", "value_and_grad"),
        ("import jax.experimental.x as e\ne.jacfwd", "jacfwd"),
    ],
)
def test_autodiff_is_seen_under_any_name(code, name):
    assert autodiff_in(code) == {name}


def test_ones_own_gradient_is_no_autodiff():
    assert (
        autodiff_in("import jax\nfrom fnn import backprop as b\nb.value_and_grad(net)\nloss.grad")
        == set()
    )


def test_init_files_only_re_export():
    lazy = ROOT / "fnn" / "__init__.py"  # re-exports when asked: see the test below
    files = [path for path in FILES if path.name == "__init__.py" and path != lazy]
    offenders = [str(path.relative_to(ROOT)) for path in files if not only_re_exports(path)]
    expected = "expected a docstring, `from … import …` and `__all__`, nothing else"
    assert not offenders, "\n".join([expected, *offenders])


def only_re_exports(path: Path) -> bool:
    """Tells whether a file has a docstring, imports, `__all__` and names that it had, at most."""
    body = ast.parse(path.read_text()).body
    if not all(isinstance(node, ast.Expr | ast.ImportFrom | ast.Assign) for node in body):
        return False
    targets = [ast.unparse(node.targets[0]) for node in body if isinstance(node, ast.Assign)]
    calls = [node.value.func for node in body if isinstance(getattr(node, "value", 0), ast.Call)]
    names = {ast.unparse(call) for call in calls}
    return targets == ["__all__"] and names <= {"optional", "renamed"}


def test_every_public_name_is_there_and_comes_from_where_types_say():
    import fnn

    tree = ast.parse((ROOT / "fnn" / "__init__.py").read_text())
    declared = {
        alias.name: node.module
        for block in tree.body
        if isinstance(block, ast.If) and ast.unparse(block.test) == "TYPE_CHECKING"
        for node in block.body
        for alias in node.names
    }
    declared["mlp"] = "fnn.mlp"  # imported at once
    assert sorted(declared) == sorted(fnn.__all__) == sorted(dir(fnn))
    for name, module in declared.items():
        home = sys.modules.get(module) or __import__(module, fromlist=[name])
        assert getattr(fnn, name) is getattr(home, name), name
    with pytest.raises(AttributeError, match="has no attribute 'trian'"):
        _ = fnn.trian


def in_a_fresh_process(code: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True
    )
    return done.stdout.strip()


def test_importing_does_no_work():
    """No backend is started (the number of devices can still be set), and nothing optional is
    loaded.
    """
    heavy = (
        "{'fnn.gradcheck', 'jax.extend', 'matplotlib', 'sklearn', 'tyro', 'scipy.stats', "
        "'torch', 'mnist1d'}"
    )
    code = f"""
import sys, jax, fnn
jax.config.update("jax_num_cpu_devices", 3)
print(jax.device_count(), sorted(set(sys.modules) & {heavy}))
"""
    assert in_a_fresh_process(code) == "3 []"


def test_use_all_devices():
    code = """
import jax, fnn
n = fnn.use_all_devices()
assert n == fnn.use_all_devices() == jax.device_count()
assert fnn.use_all_devices() == n  # asking again, when JAX runs with that number already, is fine
"""
    in_a_fresh_process(f"import os; os.environ.pop('JAX_NUM_CPU_DEVICES', None)\n{code}")


@pytest.mark.slow
def test_use_all_devices_respects_the_environment_and_tells_when_late():
    respected = (
        "import os; os.environ['JAX_NUM_CPU_DEVICES'] = '5'\nimport fnn; "
        "print(fnn.use_all_devices())"
    )
    assert in_a_fresh_process(respected) == "5"
    late = """
import os; os.environ.pop("JAX_NUM_CPU_DEVICES", None)
import jax, fnn, fnn.devices
fnn.devices.usable_cores = lambda: 4
jax.random.key(0)
try:
    fnn.use_all_devices()
except RuntimeError as error:
    print(error)
"""
    message = in_a_fresh_process(late)
    assert "too late" in message
    assert "JAX_NUM_CPU_DEVICES=4" in message


def test_the_folders_of_the_tests_are_those_of_the_library():
    packages = {path.parent.name for path in (ROOT / "fnn").glob("*/__init__.py")}
    folders = {path.parent.name for path in (ROOT / "tests").glob("*/test_*.py")}
    assert folders == packages | {"experiments", "scripts"}
    assert [name for name in amounts.QUICK_FILES if not (ROOT / "tests" / name).is_file()] == []


def test_the_order_of_reading_names_every_module():
    text = (ROOT / "fnn" / "runs" / "__init__.py").read_text()
    listed = text.partition("order of reading:")[2].partition("To follow a call")[0]
    # Names begin a line, and end at two spaces or with it.
    beginnings = re.findall(r"^(\w[\w, ]*?)(?:  |$)", listed, re.MULTILINE)
    names = [name for beginning in beginnings for name in beginning.split(", ")]
    modules = {path.stem for path in (ROOT / "fnn" / "runs").glob("*.py")} - {"__init__"}
    assert sorted(names) == sorted(modules)
