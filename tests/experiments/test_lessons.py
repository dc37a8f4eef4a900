"""The lessons run, as they are given and with their cells filled; wrong answers are told why."""

import re
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import judging

LESSONS = Path(judging.__file__).parent
NAMES = sorted(path.stem for path in LESSONS.glob("[01]*.py"))
CELL = re.compile(r"^# %% your cell\n(.*?)(?=^# %%)", re.DOTALL | re.MULTILINE)
NOT_FILLED = "Fill in the cell"


def text_of(name):
    return (LESSONS / f"{name}.py").read_text()


def solved(name):
    """The lesson with its cell replaced by the one of its solution."""
    (cell,) = CELL.findall((LESSONS / "solutions" / f"{name}.py").read_text())
    before, _, rest = CELL.split(text_of(name))
    return f"{before}# %% your cell\n{cell}{rest}"


def run(text, name):
    """Run a lesson as a script."""
    exec(compile(text, f"{name}.py", "exec"), {"__name__": "__main__"})


@pytest.fixture(autouse=True)
def promotion_as_users_have_it():
    """A bias added to rows of examples, as NumPy does it."""
    with jax.numpy_rank_promotion("allow"):
        yield


@pytest.fixture
def figures(tmp_path, monkeypatch):
    """Where the lessons of a test save their figures."""
    monkeypatch.setattr(judging, "FOLDER", tmp_path)
    return tmp_path


# -------------------- their form


def test_there_are_twelve_and_each_has_a_solution():
    assert [name[:2] for name in NAMES] == [f"{number:02}" for number in range(1, 13)]
    assert sorted(path.stem for path in (LESSONS / "solutions").glob("*.py")) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_a_lesson_has_its_parts(name):
    text = text_of(name)
    assert 60 <= len(text.splitlines()) <= 120
    assert text.startswith(f"# %% [markdown]\n# # {int(name[:2])}. ")
    assert text.count("**Question.**") == text.count("# ## Your cell") == 1
    assert text.count("# ## Figure") == text.count(f'show(figure, "{name}")') == 1
    assert len(CELL.findall(text)) == 1
    assert "..." in CELL.findall(text)[0]
    assert f'judge("{name}", ' in text
    heads = [re.findall(r"^def .*", CELL.findall(each)[0]) for each in (text, solved(name))]
    assert heads[0] == heads[1]


@pytest.mark.parametrize("name", NAMES)
def test_a_solution_answers_the_question(name):
    assert "Answer to the question: " in judging.solution_of(name).__doc__


def test_the_page_has_a_row_for_each():
    page = (LESSONS / "README.md").read_text()
    for name in (*NAMES, "fnn_in_100_lines"):
        assert page.count(f"({name}.py)") == 1


# -------------------- they run


@pytest.mark.slow
@pytest.mark.every(9)  # the first and the tenth are quick
@pytest.mark.parametrize("name", NAMES)
def test_a_lesson_runs_as_it_is_given(name, figures, capsys):
    run(text_of(name), name)
    told = capsys.readouterr().out
    assert NOT_FILLED in told
    assert "✓" not in told
    assert (figures / f"{name}.png").stat().st_size > 10_000


@pytest.mark.long
@pytest.mark.parametrize("name", NAMES)
def test_a_lesson_runs_with_its_cell_filled(name, figures, capsys):
    run(solved(name), name)
    told = capsys.readouterr().out
    assert told.count("✓ Right. ") == 1
    assert NOT_FILLED not in told
    assert (figures / f"{name}.png").stat().st_size > 10_000


def test_a_lesson_goes_on_after_a_wrong_answer(figures, capsys):
    run(text_of("10_depth").replace("shallow_units = ...", "shallow_units = 1024"), "10_depth")
    told = capsys.readouterr().out
    assert "✗ Not yet. 1024 is the number of pieces." in told
    assert "or 1023 in one" in told
    assert (figures / "10_depth.png").exists()


@pytest.mark.long
def test_fnn_in_100_lines(capsys):
    text = text_of("fnn_in_100_lines")
    assert len(text.splitlines()) <= 100
    run(text, "fnn_in_100_lines")
    differences = re.findall(r"largest difference (\S+)", capsys.readouterr().out)
    assert len(differences) == 2
    assert all(float(difference) < 1e-12 for difference in differences)


# -------------------- right and wrong answers


@pytest.mark.parametrize("name", NAMES)
def test_a_solution_is_right(name):
    solution = judging.solution_of(name)
    verdict = solution.verdict(solution.SOLUTION)
    assert verdict.right
    assert verdict.message


@pytest.mark.parametrize("name", NAMES)
def test_an_empty_cell_is_told_to_be_filled(name):
    names = {"np": np}
    exec(CELL.findall(text_of(name))[0], names)
    solution = judging.solution_of(name)
    answer = names[getattr(solution.SOLUTION, "__name__", "shallow_units")]
    verdict = solution.verdict(answer)
    assert verdict.right is None
    assert verdict.message.startswith(NOT_FILLED)


@pytest.mark.parametrize("name", NAMES)
def test_each_known_mistake_is_told_apart(name):
    solution = judging.solution_of(name)
    for sentence, wrong in getattr(solution, "MISTAKES", {}).items():
        verdict = solution.verdict(wrong)
        assert (verdict.right, verdict.message) == (False, sentence)


WRONG = {
    "01_network": (
        ("def forward(W1, b1, W2, b2, x):\n a = x @ W1.T + b1\n return a, a @ W2.T + b2", "ReLU"),
        (
            "def forward(W1, b1, W2, b2, x):\n"
            " a = jnp.maximum(x @ W1 + b1, 0)\n return a, a @ W2 + b2",
            "x @ W.T",
        ),
    ),
    "02_losses": (
        (
            "def cross_entropy(z, t):\n z = z - z.max(1)[:, None]\n"
            " return sum(np.log(np.exp(z).sum(1)) - z[np.arange(len(t)), t])",
            "You forgot the 1/N",
        ),
        (
            "def cross_entropy(z, t):\n p = np.exp(z) / np.exp(z).sum(axis=1)[:, None]\n"
            " return -np.log(p[range(len(t)), t]).mean()",
            "overflows",
        ),
    ),
    "03_gradient": (
        ("def gradient(w, b, x, y):\n e = x @ w + b - y\n return 2 * e @ x, 2 * e.sum()", "1/N"),
        (
            "def gradient(w, b, x, y):\n e = y - x @ w - b\n return 2 / 7 * e @ x, 2 * e.mean()",
            "sign is turned",
        ),
    ),
    "04_backprop": (
        (
            "def backward(p, x, y, a, prediction):\n"
            " d2 = 2 / len(x) * (prediction - y)\n d1 = d2 @ p['W2']\n"
            " return {'W1': d1.T @ x, 'b1': d1.sum(0), 'W2': d2.T @ a, 'b2': d2.sum(0)}",
            "You forgot f′",
        ),
        (
            "def backward(p, x, y, a, prediction):\n"
            " d2 = 2 / len(x) * (prediction - y)\n d1 = d2 @ p['W2'] * (1 - a**2)\n"
            " return {'W1': x.T @ d1, 'b1': d1.sum(0), 'W2': a.T @ d2, 'b2': d2.sum(0)}",
            "gradient of W transposed",
        ),
    ),
    "05_checking": (
        (
            "def central_differences(f, w, h=1e-4):\n"
            " return np.array([(f(w + h * e) - f(w)) / h for e in np.eye(len(w))])",
            "forward difference",
        ),
        (
            "def central_differences(f, w, h=1e-4):\n"
            " return np.array([(f(w + h * e) - f(w - h * e)) / h for e in np.eye(len(w))])",
            "2h apart",
        ),
    ),
    "06_optimizers": (
        (
            "def adam_step(o, m, v, g, t):\n m = .9 * m + .1 * g\n v = .999 * v + .001 * g * g\n"
            " return o - .3 * m / (v ** .5 + 1e-8), m, v",
            "bias correction",
        ),
        (
            "def adam_step(o, m, v, g, t):\n m = .9 * m + .1 * g\n v = .999 * v + .001 * g\n"
            " return o - .3 * m / (1 - .9**t) / ((v / (1 - .999**t)) ** .5 + 1e-8), m, v",
            "mean of g², not of g",
        ),
    ),
    "07_batches": (
        (
            "def batches(n, size, rng):\n o = rng.permutation(n)\n"
            " return [o[i * size:(i + 1) * size] for i in range(n // size)]",
            "dropped the last",
        ),
        (
            "def batches(n, size, rng):\n"
            " return [np.arange(n)[i:i + size] for i in range(0, n, size)]",
            "not random",
        ),
        (
            "def batches(n, size, rng):\n"
            " return [rng.integers(n, size=min(size, n - i)) for i in range(0, n, size)]",
            "with replacement",
        ),
        (
            "def batches(n, size, rng):\n o = np.random.default_rng(0).permutation(n)\n"
            " return [o[i:i + size] for i in range(0, n, size)]",
            "second epoch",
        ),
        (
            "def batches(n, size, rng):\n return np.array_split(rng.permutation(n), -(-n // size))",
            "array_split",
        ),
    ),
    "08_initialisation": (
        ("def he(n_in, n_out):\n return 2 / n_in", "This is the variance"),
        ("def he(n_in, n_out):\n return (1 / n_in) ** 0.5", "ReLU halves"),
    ),
    "09_normalisation": (
        (
            "def normalise(z, g, b, eps=1e-5):\n z = z.T\n"
            " z = (z - z.mean(0)) / np.sqrt(z.var(0) + eps)\n return g * z.T + b",
            "layer normalisation",
        ),
        (
            "def normalise(z, g, b, eps=1e-5):\n return g * (z - z.mean(0)) / (z.var(0) + eps) + b",
            "forgot the root",
        ),
    ),
    "10_depth": (
        ("shallow_units = 2 ** 10", "number of pieces"),
        ("shallow_units = 2 * 10", "what the deep network has"),
        ("shallow_units = 5000", "too large"),
    ),
    "11_generalisation": (
        (
            "def early_stopping(v, patience):\n best = 0\n for e in range(len(v)):\n"
            "  if v[e] < v[best]: best = e\n"
            "  if e - best >= patience: return e, e\n return e, e",
            "kept the last epoch",
        ),
        (
            "def early_stopping(v, patience):\n return np.argmin(v), len(v) - 1",
            "never stopped",
        ),
    ),
    "12_double_descent": (
        ("def fit(F, y):\n return np.linalg.solve(F.T @ F, F.T @ y)", "no inverse"),
        (
            "def fit(F, y):\n return np.linalg.solve(F.T @ F + 0.1 * np.eye(F.shape[1]), F.T @ y)",
            "a penalty of 0.1",
        ),
    ),
}


def test_each_lesson_knows_two_wrong_answers():
    assert list(WRONG) == NAMES
    assert all(len(cases) >= 2 for cases in WRONG.values())


@pytest.mark.parametrize(
    ("name", "cell", "words"),
    [(name, cell, words) for name, cases in WRONG.items() for cell, words in cases],
)
def test_a_wrong_answer_is_told_why(name, cell, words):
    names = {"np": np, "jnp": jnp}
    exec(cell, names)
    solution = judging.solution_of(name)
    answer = names[getattr(solution.SOLUTION, "__name__", "shallow_units")]
    verdict = solution.verdict(answer)
    assert verdict.right is False
    assert words in verdict.message


# -------------------- the judge


def told(answer, expected):
    verdict = judging.by_values(answer, expected, [lambda value: value], {})
    return verdict.right, verdict.message


def test_what_is_said_of_an_answer_that_nobody_has_foreseen():
    right = np.array([1.0, 2.0])
    assert told(right + 1e-9, right) == (True, "")
    assert told(np.ones(3), right) == (False, "the answer has shape (3,), expected (2,).")
    assert "entry [1] is 5, expected 2" in told(np.array([1.0, 5.0]), right)[1]
    assert "not finite" in told(np.array([1.0, np.nan]), right)[1]
    assert told("two", right)[0] is False
    assert told(1.0, 2.0) == (False, "the answer 1 is too small.")
    assert "The cell returns the answer; expected value 1, value 2." in told(right, (1.0, 2.0))[1]


def test_a_cell_that_raises_is_no_traceback():
    verdict = judging.by_values(lambda: 1 / 0, lambda: 1, [lambda f: f()], {})
    assert verdict.right is False
    assert "The cell raises ZeroDivisionError" in verdict.message


@pytest.mark.long
def test_an_unforeseen_wrong_gradient_is_explained_by_the_check():
    x = np.random.default_rng(0).normal(size=(5, 3))
    verdict = judging.by_gradient(
        lambda p: jnp.mean(jnp.tanh(x @ p["w"]) ** 2),
        lambda p: {"w": 7 * x.T @ (np.tanh(x @ p["w"]) / np.cosh(x @ p["w"]) ** 2)},
        {"w": np.ones(3)},
        {},
    )
    assert verdict.right is False
    assert "constant factor" in verdict.message
    shapes = judging.by_gradient(
        lambda p: jnp.sum(p["w"] ** 2), lambda p: {"w": np.ones(2)}, {"w": np.ones(3)}, {}
    )
    assert "cannot be compared" in shapes.message
