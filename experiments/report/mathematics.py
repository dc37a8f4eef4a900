"""Mathematics in the sentences of claims, written as MathML, which browsers draw themselves.

A sentence holds formulas as one types them, such as "W_k ← W_k − η δ_k f′_{k−1}". They are found
by their signs, turned into LaTeX and converted by latex2mathml. The rest stays text.
"""

import itertools
import re

from latex2mathml.converter import convert
from markupsafe import Markup, escape

LOWERED = dict(zip("₀₁₂₃₄₅₆₇₈₉₊₋ᵢⱼₖₗₙ", "0123456789+-ijkln", strict=True))
RAISED = dict(zip("⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻ᵀˣⁿᵐ½", "0123456789+-Txnm½", strict=True)) | {"′": "′"}
LATEX = {
    "←": r"\leftarrow ", "→": r"\rightarrow ", "⊙": r"\odot ", "·": r"\cdot ", "×": r"\times ",
    "≤": r"\leq ", "≥": r"\geq ", "≠": r"\neq ", "≈": r"\approx ", "∈": r"\in ", "∝": r"\propto ",
    "−": "-", "∂": r"\partial ", "∇": r"\nabla ", "Σ": r"\sum ", "Π": r"\prod ", "√": r"\surd ",
    "‖": r"\| ", "ℝ": r"\mathbb{R}", "½": r"\tfrac{1}{2}", "…": r"\ldots ", "%": r"\%",
    "{": r"\{", "}": r"\}", "<": r"\lt ", ">": r"\gt ", "∞": r"\infty ",
}  # fmt: skip
NAMES = ("log", "sin", "cos", "tanh", "exp", "max", "min", "gate", "loss", "lr", "dL", "ReLU")
"""What a formula writes in upright letters."""

UPRIGHT_LETTERS = re.compile(r"(?:<mi mathvariant=\"normal\">[^<]</mi>){2,}")

_lowered, _raised = "".join(LOWERED), "".join(RAISED).replace("½", "")
_script = r"(?:max\b|min\b|\{[^}]*\}|\([^)]*\)|[−-]?\d+(?:\.\d+)?|\w{1,2}\b|\w)"
_marks = rf"(?:[{_lowered}]+|[{_raised}]+|[_^]{_script})*"
_greek = "α-ωΑ-ΡΤ-Ω"
TOKEN = re.compile(
    rf"""
    (?P<space>\s+)
  | (?P<name>(?:{"|".join(NAMES)})(?![A-Za-z]))(?P<of>{_marks})
  | (?P<word>['’][a-z]+|[A-Za-zà-ÿŷ]{{2,}}(?:[-_][A-Za-z]{{2,}})*(?![{_lowered}{_raised}_^]))
  | (?P<number>\d+(?:,\d{{3}})*(?:\.\d+)?(?:e[−+-]?\d+)?)(?P<power>{_marks})
  | (?P<symbol>[A-Za-zŷ{_greek}∂∇ΣΠ√ℝ½∞…])(?P<marks>{_marks})
  | (?P<close>[)\]‖])(?P<closed>{_marks})
  | (?P<open>[(\[])
  | (?P<sign>[=←→⊙·×≤≥≠≈∈∝−+/<>])
  | (?P<other>.)
    """,
    re.VERBOSE,
)


def mathematics(sentence: str) -> Markup:
    """Return a sentence as HTML, with its formulas as MathML.

    >>> str(mathematics("It has n² units & a bias."))[:40]
    'It has <math xmlns="http://www.w3.org/19'
    """
    written: list[str] = []
    formula: list[re.Match] = []
    depth = 0
    for token in TOKEN.finditer(sentence):
        depth += (token.lastgroup == "open") - (token["close"] in (")", "]"))
        if _can_be_in_a_formula(token, depth):
            is_inside = depth > bool(token["open"])
            if not is_inside and _is_another(formula, token):
                written.append(_written(formula))
                formula = []
            formula.append(token)
            continue
        written.append(_written(formula))
        written.append(escape(token[0]))
        formula = []
    written.append(_written(formula))
    return Markup("".join(written))


def _can_be_in_a_formula(token: re.Match, depth: int) -> bool:
    """Return whether a token may stand in a formula. A comma may only inside brackets."""
    if token["other"]:
        return token["other"] == "," and depth > 0
    return not token["word"]


def _is_another(formula: list[re.Match], token: re.Match) -> bool:
    """Return whether a space separates a token from a formula: "w₁ 0.5" and "rate 0.1 w₁" are no
    products.
    """
    if len(formula) < 2 or not formula[-1]["space"]:
        return False
    before = formula[-2]
    if token["number"]:
        return bool(before["symbol"] or before["name"] or before["close"] or before["number"])
    return bool(before["number"] and not token["sign"] and not token["close"])


def _written(tokens: list[re.Match]) -> str:
    """Return HTML of tokens that may be a formula, with what surrounds the formula as text."""
    first, last = _limits(tokens)
    before, formula, after = tokens[:first], tokens[first:last], tokens[last:]
    if not formula or not _is_formula(formula):
        return str(escape("".join(token[0] for token in tokens)))
    rest_before = escape("".join(token[0] for token in before))
    rest_after = escape("".join(token[0] for token in after))
    written = UPRIGHT_LETTERS.sub(_as_one_name, convert(_latex(formula)))
    return f"{rest_before}{written}{rest_after}"


def _as_one_name(letters: re.Match) -> str:
    """Return one element for a name: screen readers spell an element for each letter."""
    name = re.sub("<[^>]*>", "", letters[0])
    return f"<mi>{name}</mi>"


def _limits(tokens: list[re.Match]) -> tuple[int, int]:
    """Return where the formula begins and ends: no space at its ends, no bracket without another,
    no article.
    """
    first, last = 0, len(tokens)
    while first < last and _is_loose(tokens[first:last], tokens[first]):
        first += 1
    while first < last and _is_loose(tokens[first:last], tokens[last - 1]):
        last -= 1
    return first, last


def _is_loose(tokens: list[re.Match], token: re.Match) -> bool:
    """Return whether a token at an end of the tokens does not belong to their formula."""
    at_start = token is tokens[0]
    text = "".join(each[0] for each in tokens)
    if token["open"] or token["close"] in (")", "]"):
        opened = text.count("(") + text.count("[")
        closed = text.count(")") + text.count("]")
        return opened != closed and (opened > closed) == bool(token["open"])
    if token["name"]:
        return not at_start and not token["of"]
    if token[0] in ("a", "A", "I"):
        beside = tokens[1:3] if at_start else tokens[-3:-1]
        return not any(each["sign"] for each in beside) and any(each["space"] for each in beside)
    return bool(token["space"] or token["other"]) or (token[0] in "+/" and at_start)


def _is_formula(tokens: list[re.Match]) -> bool:
    """Return whether tokens hold a sign that only mathematics has."""
    symbols = [token for token in tokens if token["symbol"]]
    if any(token["marks"] or not token["symbol"].isascii() for token in symbols):
        return True
    if any(token["closed"] or token["power"] or token["of"] for token in tokens):
        return True
    is_applied = any(
        (left["symbol"] or left["name"]) and right["open"]
        for left, right in itertools.pairwise(tokens)
    )
    has_argument = any(
        left["name"] and space["space"] and right["symbol"]
        for left, space, right in zip(tokens, tokens[1:], tokens[2:], strict=False)
    )
    is_related = any(token["sign"] for token in tokens) and bool(symbols)
    return is_applied or has_argument or is_related


def _latex(tokens: list[re.Match]) -> str:
    return "".join(map(_latex_of, tokens))


def _latex_of(token: re.Match) -> str:
    """Return LaTeX of one token with its indices and powers."""
    if token["name"]:
        name = token["name"] + "′" * token["of"].count("′")
        return rf"\,\mathrm{{{name}}}" + _latex_of_marks(token["of"]) + r"\,"
    if token["space"]:
        return " "
    if token["number"] and "e" in token["number"]:
        mantissa, exponent = token["number"].split("e")
        return rf"{mantissa} \cdot 10^{{{int(exponent.replace('−', '-'))}}}"
    base = token["number"] or token["symbol"] or token["close"] or token[0]
    marks = token["power"] or token["marks"] or token["closed"] or ""
    base = "".join(LATEX.get(character, character) for character in base)
    if "′" in marks:
        base = rf"{{{base}{'′' * marks.count('′')}}}"
    return base + _latex_of_marks(marks)


def _latex_of_marks(marks: str) -> str:
    """Return LaTeX of indices and powers, all indices as one and all powers as one.

    A prime is no power: it stands beside its letter, since fonts draw it raised already.
    """
    lower, upper, level = "", "", "lower"
    for character in re.sub(r"[{}()′]", "", marks):
        if character in "_^":
            level = "lower" if character == "_" else "upper"
        elif character in LOWERED:
            lower += LOWERED[character]
        elif character in RAISED:
            upper += r"\text{T}" if character == "ᵀ" else RAISED[character]
        elif level == "lower":
            lower += LATEX.get(character, character)
        else:
            upper += LATEX.get(character, character)
    below = f"_{{{lower}}}" if lower else ""
    above = f"^{{{upper}}}" if upper else ""
    return below + above
