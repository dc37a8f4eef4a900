"""Formulas in sentences of claims: what is one, where it begins and ends, and how it is written."""

import re

import pytest

from experiments.report import mathematics
from experiments.report.mathematics import mathematics as written


def parts(sentence: str, monkeypatch) -> str:
    """Return the sentence with ⟦…⟧ around its formulas, as they were typed."""
    monkeypatch.setattr(mathematics, "convert", lambda latex: f"⟦{latex}⟧")
    return str(written(sentence))


@pytest.mark.parametrize(
    ("sentence", "latex"),
    [
        ("It is δ_{l+1}ᵀ.", r"It is ⟦δ_{l+1}^{\text{T}}⟧."),
        ("A layer’s W_k, and f′_{k−1}.", r"A layer’s ⟦W_{k}⟧, and ⟦{f′}_{k-1}⟧."),
        ("the sum Σ w_ji z_j ≥ 0 there", r"the sum ⟦\sum  w_{ji} z_{j} \geq  0⟧ there"),
        ("is a = 3, b₁ = −2.5 or", r"is ⟦a = 3⟧, ⟦b_{1} = -2.5⟧ or"),
        ("a step of 10⁻³ gives", r"a step of ⟦10^{-3}⟧ gives"),
        ("f(x, y) and g", r"⟦f(x, y)⟧ and g"),
        ("of 1/n or 2/n", "of ⟦1/n⟧ or ⟦2/n⟧"),
        ("(z = f(b + W z of the layer before)", "(⟦z = f(b + W z⟧ of the layer before)"),
        (
            "sin(log x) and log e",
            r"⟦\,\mathrm{sin}\,(\,\mathrm{log}\, x)⟧ and ⟦\,\mathrm{log}\, e⟧",
        ),
        ("of w₅ 68.4, at 0.05 o₁ becomes", "of ⟦w_{5}⟧ 68.4, at 0.05 ⟦o_{1}⟧ becomes"),
        ("-18 (w₁ to w₄)", "-18 (⟦w_{1}⟧ to ⟦w_{4}⟧)"),
        ("from N(0, 0.01²), as L^1.96.", r"from ⟦N(0, 0.01^{2})⟧, as ⟦L^{1.96}⟧."),
        ("½(x₁² + 25 x₂²) and θ_d0", r"⟦\tfrac{1}{2}(x_{1}^{2} + 25 x_{2}^{2})⟧ and ⟦θ_{d0}⟧"),
        ("σ = 1e-06 and 2/λ_max", r"⟦σ = 1 \cdot 10^{-6}⟧ and ⟦2/λ_{max}⟧"),
        ("a loss′ of", r"a ⟦\,\mathrm{loss′}\,⟧ of"),
        ("½Σ(t − z)²", r"⟦\tfrac{1}{2}\sum (t - z)^{2}⟧"),
    ],
)
def test_formulas_are_found_and_become_latex(sentence, latex, monkeypatch):
    assert parts(sentence, monkeypatch) == latex


@pytest.mark.parametrize(
    "sentence",
    [
        "A 2-3-1 network, and a layer of 100 units.",
        "W is (out, in) in one document.",
        "I draw a sample; it takes 5.4 s.",
        "batch_size and learning_rate are options (see fan_out).",
        "at most 12.5% of 1,000 runs, 95% intervals",
        "the loss is low",
        "sigmoid 0.47 (0.375 to 0.567), tanh 0.49 (0.394 to 0.587)",
        "",
    ],
)
def test_plain_sentences_stay_text(sentence, monkeypatch):
    assert parts(sentence, monkeypatch) == sentence


def test_mathml_is_written_and_text_is_escaped():
    html = str(written("If x² < 1 then <script>alert(1)</script> & more."))
    assert re.search(r"<msup><mi>x</mi>.*<mn>2</mn>", html)
    assert "&lt;script&gt;" in html
    assert "<script>" not in html
    assert html.endswith("&amp; more.")
