"""The gradient checker: it passes what is right, fails what is wrong, says why, and refuses what it
cannot judge.
"""

import json
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import fnn
from fnn import layers, losses
from fnn.activations import Activation
from fnn.gradcheck import Unusable
from fnn.testing import assert_gradient, assert_network, assert_vjp

ROOT = Path(__file__).parents[2]
RNG = np.random.default_rng(0)
X, T = RNG.normal(size=(12, 4)), RNG.normal(size=(12, 3))
SIGMOID = jax.nn.sigmoid


@pytest.fixture(autouse=True)
def _broadcasting_as_users_have_it():
    with jax.numpy_rank_promotion("allow"):
        yield


def mlp_params(widths=(4, 4, 3), scale=1.0):
    rng = np.random.default_rng(1)
    return [
        {
            "W": scale * rng.normal(size=(out, into)) / np.sqrt(into),
            "b": scale * 0.1 * rng.normal(size=out),
        }
        for into, out in pairwise(widths)
    ]


def loss(params):
    """½ Σ (a − t)² of a sigmoid network, as in claim 0.18."""
    a = X
    for layer in params:
        a = SIGMOID(a @ layer["W"].T + layer["b"])
    return 0.5 * jnp.sum((a - T) ** 2)


def gradient(
    params,
    *,
    slope=lambda z, a: a * (1 - a),
    top=None,
    back=lambda W, delta: delta @ W,
    edit=lambda g: g,
):
    """Its backward pass, with a hook at each step that one can get wrong."""
    z, a = [], [X]
    for layer in params:
        z.append(a[-1] @ layer["W"].T + layer["b"])
        a.append(SIGMOID(z[-1]))
    delta = (a[-1] - T) * (top or slope)(z[-1], a[-1])
    grads = []
    for i in reversed(range(len(params))):
        grads.append({"W": delta.T @ a[i], "b": delta.sum(axis=0)})
        if i:
            delta = back(params[i]["W"], delta) * slope(z[i - 1], a[i])
    return edit(grads[::-1])


def faulty(**fault):
    return lambda params: gradient(params, **fault)


def edited(change):
    """The gradient with the first layer changed by `change(W, b)`."""
    return faulty(
        edit=lambda g: [dict(zip("Wb", change(g[0]["W"], g[0]["b"]), strict=True)), *g[1:]]
    )


@pytest.mark.quick
def test_a_right_gradient_passes():
    report = fnn.check_gradient(loss, gradient, mlp_params())
    assert report.passed
    assert report.verdict == "pass"
    assert (report.cause, report.diagnosis) == (None, None)
    assert report.taylor == pytest.approx((1, 2), abs=0.1)
    assert [t.path for t in report.tensors] == ["0/W", "0/b", "1/W", "1/b"]
    assert all(t.relative_error < 1e-13 and t.noise_scaled_error < 100 for t in report.tensors)
    worst = report.tensors[0].worst
    assert worst.differences == pytest.approx(worst.autodiff, abs=10 * worst.differences_error)


SQUARE = mlp_params((4, 4, 4, 3))
FAULTS = {
    "0.16: f′ missing at the top": (faulty(top=lambda z, a: 1.0), "missing derivative"),
    "0.16: δ W without the transpose": (
        faulty(back=lambda W, delta: delta @ (W.T if W.shape == (4, 4) else W)),
        "missing Wᵀ",
    ),
    "0.18: f′(a) for f′(z)": (
        faulty(slope=lambda z, a: SIGMOID(a) * (1 - SIGMOID(a))),
        "derivative at the activation",
    ),
    "½": (faulty(edit=lambda g: jax.tree.map(lambda a: a / 2, g)), "constant factor"),
    "N": (faulty(edit=lambda g: jax.tree.map(lambda a: 12 * a, g)), "constant factor"),
    "1.001 on one tensor": (edited(lambda W, b: (1.001 * W, b)), "constant factor"),
    "sign": (edited(lambda W, b: (-W, b)), "sign"),
    "transpose": (edited(lambda W, b: (W.T, b)), "transpose"),
    "two rows swapped": (edited(lambda W, b: (W[np.array([1, 0, 2, 3])], b)), "swapped rows"),
    "bias missing": (edited(lambda W, b: (W, 0 * b)), "missing gradient"),
    "one bias entry zero": (edited(lambda W, b: (W, b.at[2].set(0))), "zeroed entries"),
    "a row zero": (edited(lambda W, b: (W.at[2].set(0), b)), "zeroed row"),
    "a row stale": (edited(lambda W, b: (W.at[2].add(jnp.arange(1.0, 5)), b)), "stale row"),
    "one entry wrong": (edited(lambda W, b: (W.at[1, 2].mul(1.01), b)), "wrong entries"),
    "broadcast": (edited(lambda W, b: (W, jnp.full_like(b, b.sum()))), "silent broadcast"),
    "NaN": (edited(lambda W, b: (W, b.at[1].set(jnp.nan))), "not finite"),
    "weight decay": (
        lambda params: jax.tree.map(lambda g, w: g + 0.01 * w, gradient(params), params),
        "extra penalty",
    ),
    "clipped": (edited(lambda W, b: (jnp.clip(W, -0.02, 0.02), b)), "clipped"),
}


@pytest.mark.every(3)
@pytest.mark.parametrize("fault", FAULTS)
def test_faults_are_found_and_named(fault):
    wrong, cause = FAULTS[fault]
    report = fnn.check_gradient(loss, wrong, jax.tree.map(jnp.asarray, SQUARE))
    assert report.verdict == "fail"
    assert report.cause == cause, report.diagnosis
    assert report.diagnosis.startswith(cause)


@pytest.mark.every(3)
@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
def test_scales_neither_hide_a_fault_nor_raise_an_alarm(scale):
    params = mlp_params()
    report = fnn.check_gradient(
        lambda p: scale * loss(p), lambda p: jax.tree.map(lambda g: scale * g, gradient(p)), params
    )
    assert report.passed, report
    wrong = edited(lambda W, b: (W, jnp.asarray(b).at[1].set(0)))
    report = fnn.check_gradient(
        lambda p: scale * loss(p), lambda p: jax.tree.map(lambda g: scale * g, wrong(p)), params
    )
    assert report.verdict == "fail"


def test_claim_3_11_the_jacobian_of_softmax_is_not_its_diagonal():
    z0 = jnp.array([[0.3, -0.2, 0.9], [1.0, 0.1, -0.4]])
    target = jax.nn.one_hot(jnp.array([0, 2]), 3)

    def cross_entropy(z):
        return -jnp.sum(target * jnp.log(jax.nn.softmax(z)))

    assert_gradient(cross_entropy, lambda z: jax.nn.softmax(z) - target, z0)

    def diagonal(z):
        p = jax.nn.softmax(z)
        return -target / p * p * (1 - p)

    report = fnn.check_gradient(cross_entropy, diagonal, z0)
    assert (report.verdict, report.cause) == ("fail", "elementwise softmax")


def test_claims_0_17_3_12_and_4_5_have_another_shape_and_are_refused_by_name():
    params = mlp_params()
    delta = jnp.ones((12, 3))
    with pytest.raises(
        Unusable, match=r"1/W: the gradient has shape \(12, 3\), expected \(3, 4\)"
    ):  # 4.5: ∂L/∂z
        fnn.check_gradient(
            loss, lambda p: [gradient(p)[0], {"W": delta, "b": gradient(p)[1]["b"]}], params
        )
    with pytest.raises(Unusable, match=r"1/W: the gradient has shape \(12, 4\)"):  # 0.17: δ W f′
        fnn.check_gradient(
            loss,
            lambda p: [gradient(p)[0], {"W": delta @ p[1]["W"], "b": gradient(p)[1]["b"]}],
            params,
        )
    row, column = jnp.ones((1, 4)), jnp.ones((4, 1))
    with pytest.raises(
        Unusable, match=r"0/b: the gradient has shape \(4, 4\), expected \(4,\)"
    ):  # 3.12: row ⊙ column
        fnn.check_gradient(
            loss, lambda p: [{"W": gradient(p)[0]["W"], "b": row * column}, gradient(p)[1]], params
        )


# -------------------- whose code it serves


def test_numpy_on_both_sides():
    params = {"w": np.array([0.3, -1.2, 2.0])}

    def in_numpy(p):
        return float(np.sum(np.tanh(p["w"]) ** 2))

    def by_hand(p):
        assert isinstance(p["w"], np.ndarray)
        return {"w": 2 * np.tanh(p["w"]) * (1 - np.tanh(p["w"]) ** 2)}

    report = assert_gradient(in_numpy, by_hand, params)
    assert "differences stand in for autodiff" in str(report)
    wrong = fnn.check_gradient(in_numpy, lambda p: {"w": 1.001 * by_hand(p)["w"]}, params)
    assert (wrong.verdict, wrong.cause) == ("fail", "constant factor")


def test_a_numpy_gradient_of_a_jax_loss():
    assert_gradient(lambda w: jnp.sum(jnp.exp(w)), lambda w: np.exp(w), np.linspace(-1, 1, 5))


def test_vector_valued_functions():
    A = RNG.normal(size=(3, 4))
    point = jnp.linspace(-1.0, 1.0, 4)
    assert_vjp(
        lambda x: {"y": jnp.tanh(A @ x)},
        lambda x, c: A.T @ (c["y"] * (1 - jnp.tanh(A @ x) ** 2)),
        point,
    )
    report = fnn.check_vjp(lambda x: jnp.tanh(A @ x), lambda x, c: A.T @ c, point)
    assert (report.verdict, report.cause) == ("fail", "missing derivative")


@pytest.mark.slow
def test_random_keys_reach_both_sides():
    key = jax.random.key(3)

    def dropped(w, *, key):
        return jnp.sum(jax.random.bernoulli(key, 0.5, w.shape) * w**2)

    def by_hand(w, *, key):
        return jax.random.bernoulli(key, 0.5, w.shape) * 2 * w

    point = jnp.linspace(1.0, 2.0, 30)
    assert_gradient(dropped, by_hand, point, key=key)
    report = fnn.check_gradient(
        dropped, lambda w, *, key: by_hand(w, key=jax.random.fold_in(key, 1)), point, key=key
    )
    assert (report.verdict, report.cause) == ("fail", "another key")


def test_nondeterminism_is_the_diagnosis():
    rng = np.random.default_rng(0)
    point = jnp.ones(3)
    noisy_gradient = fnn.check_gradient(
        lambda w: jnp.sum(w**2), lambda w: 2 * w + 1e-3 * rng.normal(size=3), point
    )
    assert (noisy_gradient.verdict, noisy_gradient.cause) == ("fail", "nondeterministic")
    noisy_loss = fnn.check_gradient(
        lambda w: jnp.sum(w**2) * rng.uniform(1, 2), lambda w: 2 * w, point
    )
    assert (noisy_loss.verdict, noisy_loss.cause) == ("fail", "nondeterministic")


# -------------------- kinks, oracles, precision


def relu_loss(w):
    return jnp.sum(jnp.where(w > 0, w, 0) * jnp.array([1.0, 2.0, 3.0]))


def test_a_kink_abstains_and_states_both_slopes():
    point = jnp.array([1.0, 0.0, -1.0])
    right_slope = fnn.check_gradient(
        relu_loss, lambda w: (w >= 0) * jnp.array([1.0, 2.0, 3.0]), point
    )
    assert right_slope.verdict == "abstain"
    (kink,) = right_slope.tensors[0].kinks
    assert kink.at == (1,)
    assert (kink.left, kink.right) == pytest.approx((0, 2), abs=1e-6)
    assert (kink.hand_written, kink.autodiff) == (2, 0)
    assert "slope 0 to the left and 2 to" in str(right_slope)
    assert fnn.check_gradient(
        relu_loss, lambda w: (w > 0) * jnp.array([1.0, 2.0, 3.0]), point
    ).passed
    outside = fnn.check_gradient(
        relu_loss, lambda w: (w > 0) * jnp.array([1.0, 2.0, 3.0]) - (w == 0), point
    )
    assert outside.verdict == "fail"
    elsewhere = fnn.check_gradient(
        relu_loss, lambda w: (w >= 0) * jnp.array([1.001, 2.0, 3.0]), point
    )
    assert elsewhere.verdict == "fail"


def test_one_failing_tensor_fails_where_another_abstains():
    point = {"on kink": jnp.array([1.0, 0.0, -1.0]), "smooth": jnp.array([2.0])}

    def both(p):
        return relu_loss(p["on kink"]) + jnp.sum(p["smooth"] ** 2)

    report = fnn.check_gradient(
        both,
        lambda p: {"on kink": (p["on kink"] >= 0) * jnp.array([1.0, 2, 3]), "smooth": p["smooth"]},
        point,
    )
    assert [t.verdict for t in report.tensors] == ["abstain", "fail"]
    assert report.verdict == "fail"


def test_autodiff_is_not_trusted_blindly():
    def stopped(w):
        return jnp.sum(jax.lax.stop_gradient(w) * w)

    point = jnp.array([1.0, 2.0])
    assert fnn.check_gradient(stopped, lambda w: 2 * w, point).passed
    both_wrong = fnn.check_gradient(stopped, lambda w: w, point)
    assert (both_wrong.verdict, both_wrong.cause) == ("fail", "not the derivative")


@pytest.mark.slow
def test_where_autodiff_has_no_value_differences_judge():
    def trapped(w):
        """w² + 1, written so that autodiff meets 0/0 at w = 0 in the branch that is not taken."""
        return jnp.sum(
            jnp.where(w == 0, 1.0, jnp.sin(w**2) / jnp.where(w == 0, w, jnp.sin(w**2) / (w**2 + 1)))
        )

    point = jnp.array([0.0, 0.5])
    assert fnn.check_gradient(trapped, lambda w: 2 * w, point).passed
    assert fnn.check_gradient(trapped, lambda w: 2 * w + 1e-3, point).verdict == "fail"


def test_a_zero_gradient_is_judged_at_its_own_scale():
    point = {"dead": jnp.array([1.0, 2.0]), "tiny": jnp.array([1.0])}

    def flat(p):
        return jnp.sum(0 * p["dead"]) + 1e-30 * p["tiny"][0] ** 2

    assert fnn.check_gradient(
        flat, lambda p: {"dead": 0 * p["dead"], "tiny": 2e-30 * p["tiny"]}, point
    ).passed
    wrong = fnn.check_gradient(
        flat, lambda p: {"dead": 1e-300 + 0 * p["dead"], "tiny": 2e-30 * p["tiny"]}, point
    )
    assert [t.verdict for t in wrong.tensors] == ["fail", "pass"]
    wrong = fnn.check_gradient(
        flat, lambda p: {"dead": 0 * p["dead"], "tiny": 2.002e-30 * p["tiny"]}, point
    )
    assert [t.verdict for t in wrong.tensors] == ["pass", "fail"]


@pytest.mark.slow
@pytest.mark.every(2)
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_narrow_precisions_against_the_float64_truth(dtype):
    params = jax.tree.map(jnp.asarray, mlp_params())

    def narrow(p):
        assert p[0]["W"].dtype == jnp.dtype(dtype)
        x, t = X.astype(dtype), T.astype(dtype)
        z1 = x @ p[0]["W"].T + p[0]["b"]
        a1 = SIGMOID(z1)
        a2 = SIGMOID(a1 @ p[1]["W"].T + p[1]["b"])
        d2 = (a2 - t) * a2 * (1 - a2)
        d1 = (d2 @ p[1]["W"]) * a1 * (1 - a1)
        return [{"W": d1.T @ x, "b": d1.sum(0)}, {"W": d2.T @ a1, "b": d2.sum(0)}]

    assert_gradient(loss, narrow, params, dtype=dtype)
    report = fnn.check_gradient(
        loss, lambda p: jax.tree.map(lambda g: 2 * g, narrow(p)), params, dtype=dtype
    )
    assert report.verdict == "fail"


def test_the_callers_precision_is_restored():
    assert not jax.config.jax_enable_x64
    fnn.check_gradient(lambda w: jnp.sum(w**2), lambda w: 2 * w, jnp.ones(2))
    with pytest.raises(Unusable):
        fnn.check_gradient(lambda w: w, lambda w: 2 * w, jnp.ones(2))
    assert not jax.config.jax_enable_x64
    assert jnp.ones(1).dtype == jnp.float32


# -------------------- refusals


@pytest.mark.parametrize(
    ("case", "message"),
    [
        (
            (lambda w: w, lambda w: w, jnp.ones(2)),
            r"loss: returned shapes \[\(2,\)\], expected one scalar",
        ),
        (
            (lambda w: jnp.sum(w), lambda w: [w], jnp.ones(2)),
            "gradient: its tree is not that of params",
        ),
        ((lambda p: p["a"], lambda p: {}, {"a": jnp.ones(())}), r"missing \['a'\]"),
        (
            (lambda w: jnp.sum(w), lambda w: w, jnp.array([1, 2])),
            "params: got dtype int32, expected floating point",
        ),
        ((lambda w: jnp.sum(w), lambda w: w, jnp.array([1.0, jnp.nan])), "params: holds NaN"),
        ((lambda w: jnp.sum(jnp.log(w)), lambda w: 1 / w, -jnp.ones(2)), "loss: is nan at params"),
        (
            (lambda p: jnp.sum(p["W"]), lambda p: {"W": p["W"].T}, {"W": jnp.ones((2, 3))}),
            "W: .* of the transpose",
        ),
        ((3, lambda w: w, jnp.ones(2)), "loss: got 3, expected a function"),
        ((lambda w: jnp.sum(w), lambda w: w, {}), "holds no array"),
    ],
)
def test_unusable(case, message):
    with pytest.raises(Unusable, match=message):
        fnn.check_gradient(*case)


# -------------------- networks

NET_X, NET_Y = RNG.normal(size=(10, 4)), np.arange(10) % 3


def network(layer):
    return layers.serial(
        layers.dense(4, 5), layer, layers.activation("sigmoid"), layers.dense(5, 3)
    )


@pytest.mark.long
def test_every_kind_of_network_passes():
    net = fnn.mlp((4, 5, 5, 3), activation=("tanh", "softplus"), batch_norm="after", dropout=0.2)
    report = assert_network(net, losses.softmax_cross_entropy, NET_X, NET_Y)
    assert [line.name for line in report.layers][:2] == ["0 dense 4→5", "1 tanh"]
    assert report.layers[-1].name == "loss softmax_cross_entropy"
    spread = fnn.mlp(
        (4, 5, 3), activation="softmax", batch_norm="before"
    )  # NaN by autodiff at XLA's -O0, jaxlib 0.10
    assert_network(spread, losses.squared_error, NET_X, NET_X[:, :3])
    graph = layers.graph(
        {"x": 4}, {"h": (("x",), "tanh", 3), "y": (("x", "h"), "identity", 3)}, ("y",)
    )
    assert_network(graph, losses.huber(), NET_X.astype(np.float32), NET_X[:, :3], reduction="sum")


TANH, BATCH_NORM, DROPOUT, SOFTMAX = (
    layers.activation("tanh"),
    layers.batch_norm(5),
    layers.dropout(0.4),
    layers.activation("softmax"),
)
WRONG_LAYERS = {
    "f′(a)": (
        TANH._replace(backward=lambda p, z, da: (p, (1 - jnp.tanh(jnp.tanh(z)) ** 2) * da)),
        "derivative at the activation",
    ),
    "no f′": (TANH._replace(backward=lambda p, z, da: (p, da)), "missing derivative"),
    "statistics as constants": (
        BATCH_NORM._replace(
            backward=lambda p, r, dy: (
                BATCH_NORM.backward(p, r, dy)[0],
                (r.inverse_deviation * p.scale)[:, None] * dy,
            )
        ),
        "constant statistics",
    ),
    "another mask": (
        DROPOUT._replace(
            backward=lambda p, m, dy: (
                p,
                dy * jax.random.bernoulli(jax.random.key(9), 0.6, dy.shape) / 0.6,
            )
        ),
        "another key",
    ),
    "⊙ diagonal": (
        SOFTMAX._replace(
            backward=lambda p, z, da: (p, jax.nn.softmax(z, 0) * (1 - jax.nn.softmax(z, 0)) * da)
        ),
        "elementwise softmax",
    ),
}


@pytest.mark.slow
@pytest.mark.every(6)
@pytest.mark.parametrize("fault", WRONG_LAYERS)
def test_the_wrong_layer_is_named(fault):
    layer, cause = WRONG_LAYERS[fault]
    report = fnn.check_network(network(layer), losses.softmax_cross_entropy, NET_X, NET_Y)
    assert (report.verdict, report.cause) == ("fail", cause), report
    assert [line.name.split()[0] for line in report.layers if line.verdict == "fail"] == ["1"]
    assert report.diagnosis.startswith(f"the first wrong layer from the output is 1 {layer.name}")


@pytest.mark.slow
def test_a_derivative_that_is_no_known_mistake_is_said_to_be_another_function():
    def value(z):
        return z * jnp.tanh(jax.nn.softplus(z))

    mish = Activation("mish", value, lambda z: jnp.tanh(jax.nn.softplus(z)))
    report = fnn.check_network(
        network(layers.activation(mish)), losses.softmax_cross_entropy, NET_X, NET_Y
    )
    assert (report.verdict, report.cause) == ("fail", "wrong derivative")
    assert "is 1 mish. Its ∂L/∂x is not the derivative of its forward pass" in report.diagnosis


@pytest.mark.slow
def test_a_wrong_loss_is_named():
    half = losses.squared_error._replace(backward=lambda p, t: p - t)
    report = fnn.check_network(fnn.mlp((4, 3)), half, NET_X, NET_X[:, :3])
    assert (report.verdict, report.cause) == ("fail", "constant factor")
    assert "is loss squared_error" in report.diagnosis


# -------------------- reports, command line


@pytest.mark.slow
def test_reports_fit_80_columns_and_are_plain_json():
    for report in (
        fnn.check_gradient(loss, gradient, mlp_params()),
        fnn.check_gradient(loss, faulty(top=lambda z, a: 1.0), mlp_params()),
        fnn.check_network(
            network(WRONG_LAYERS["no f′"][0]), losses.softmax_cross_entropy, NET_X, NET_Y
        ),
        fnn.check_gradient(
            relu_loss, lambda w: (w >= 0) * jnp.array([1.0, 2.0, 3.0]), jnp.array([1.0, 0.0, -1.0])
        ),
    ):
        assert max(len(line) for line in str(report).splitlines()) <= 80
        plain = json.loads(json.dumps(report.to_dict(), allow_nan=False))
        assert plain["verdict"] == report.verdict
        assert plain["diagnosis"] == report.diagnosis
        assert plain["passed"] is report.passed


@pytest.mark.slow
def test_the_assertion_explains_itself():
    with pytest.raises(AssertionError, match="missing derivative: f′ of") as caught:
        assert_gradient(loss, faulty(top=lambda z, a: 1.0), mlp_params())
    for source in ("hand-written", "autodiff", "differences"):
        assert source in str(caught.value)


FILE = """
import jax.numpy as jnp
params = {point}
def loss(w): return jnp.sum(jnp.abs(w))
def gradient(w): return {gradient}
"""


@pytest.mark.every(1)
@pytest.mark.parametrize(
    ("point", "by_hand", "status", "verdict"),
    [
        ("jnp.array([1.0, -2.0])", "jnp.sign(w)", 0, "pass"),
        ("jnp.array([1.0, -2.0])", "-jnp.sign(w)", 1, "fail"),
        ("jnp.array([1, -2])", "jnp.sign(w)", 2, "unusable"),
        ("jnp.array([0.0, -2.0])", "-1.0 + 0 * w", 3, "abstain"),
    ],
)
def test_the_command_line(tmp_path, point, by_hand, status, verdict):
    file = tmp_path / "mine.py"
    file.write_text(FILE.format(point=point, gradient=by_hand))
    command = [sys.executable, "-m", "fnn", "check", str(file)]
    done = subprocess.run(
        [*command, "--json"], capture_output=True, text=True, cwd=ROOT, check=False
    )
    assert done.returncode == status, done.stderr
    assert json.loads(done.stdout)["verdict"] == verdict
    assert done.stderr == ""


@pytest.mark.slow
def test_the_command_line_refuses_kindly(tmp_path):
    empty = tmp_path / "empty.py"
    empty.write_text("")
    for path, message in (
        (empty, "does not define loss, gradient, params"),
        (tmp_path / "none.py", "No such file"),
    ):
        done = subprocess.run(
            [sys.executable, "-m", "fnn", "check", str(path)],
            capture_output=True,
            text=True,
            cwd=ROOT,
            check=False,
        )
        assert done.returncode == 2
        assert message in done.stdout
