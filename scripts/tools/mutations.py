"""Makes mutants: copies of a source file with one small mistake in them.

A mutant replaces one segment of the text and keeps its line breaks, so that every other line keeps
its number. Docstrings and other strings, annotations, type aliases, `__all__`, the imports under
`if TYPE_CHECKING` and the text of errors and warnings are left alone.
"""

import ast
import io
import random
import tokenize
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice, pairwise
from pathlib import Path

PACKAGE = "fnn"

OPERATORS = {
    "+": ["-"],
    "-": ["+"],
    "*": ["/"],
    "/": ["*"],
    "//": ["/"],
    "%": ["*"],
    "**": ["*"],
    "@": ["*"],
    "&": ["|"],
    "|": ["&"],
    "+=": ["-="],
    "-=": ["+="],
    "*=": ["/="],
    "/=": ["*="],
    "<": ["<=", ">="],
    "<=": ["<", ">"],
    ">": [">=", "<="],
    ">=": [">", "<"],
    "==": ["!="],
    "!=": ["=="],
    "is": ["is not"],
    "is not": ["is"],
    "in": ["not in"],
    "not in": ["in"],
    "and": ["or"],
    "or": ["and"],
}
WORDS = {
    "+": "add",
    "-": "sub",
    "*": "mul",
    "/": "div",
    "//": "floordiv",
    "%": "mod",
    "**": "pow",
    "@": "matmul",
    "&": "bitand",
    "|": "bitor",
    "<": "lt",
    "<=": "le",
    ">": "gt",
    ">=": "ge",
    "==": "eq",
    "!=": "ne",
}
EXTREMES = {"min": "max", "minimum": "maximum", "argmin": "argmax", "fmin": "fmax"}
EXTREMES |= {largest: smallest for smallest, largest in EXTREMES.items()}
AXES = {"axis", "axes"}
TYPES = {"dict", "frozenset", "list", "set", "tuple", "type"}
ORDERED_BY_TYPE = {"getattr", "hasattr", "isinstance", "issubclass"}  # swapped, these always raise
NO_CODE = {tokenize.COMMENT, tokenize.NL}


@dataclass(frozen=True)
class Mutant:
    """One mistake in one file. Positions are characters from the start of the file."""

    path: str
    """From the root of the repository: fnn/layers/dense.py."""
    line: int
    column: int
    """Of the first character that is replaced, counted from 1."""
    name: str
    start: int
    end: int
    old: str
    new: str
    statement: tuple[int, int]
    """First and last line of the statement, without the body of a compound one."""

    @property
    def id(self) -> str:
        """Where and what: layers/dense.py:31:7:sub-for-add."""
        return f"{self.path.removeprefix(PACKAGE + '/')}:{self.line}:{self.column}:{self.name}"

    def applied(self, text: str) -> str:
        """Returns the file's text with the mistake; ValueError where it is another text."""
        if text[self.start : self.end] != self.old:
            raise ValueError(
                f"{self.id}: {self.path} has changed since this mutant was made: got "
                f"{text[self.start : self.end]!r}, expected {self.old!r}. Run it on the sources "
                "that it was made of, or make new mutants."
            )
        return text[: self.start] + self.new + text[self.end :]

    def diff(self, text: str) -> list[str]:
        """Shows the lines that change, the old ones and then the new ones."""
        pairs = list(zip(text.splitlines(), self.applied(text).splitlines(), strict=True))
        changed = [(old, new) for old, new in pairs if old != new]
        return [f"- {old}" for old, _ in changed] + [f"+ {new}" for _, new in changed]


# ---------------------------------------------------------------------------------------- choosing


def sources(root: Path) -> dict[str, str]:
    """Reads the files of the package: path from the root -> text."""
    files = sorted((root / PACKAGE).rglob("*.py"))
    return {file.relative_to(root).as_posix(): file.read_text(encoding="utf-8") for file in files}


def sample(texts: Mapping[str, str], number: int, seed: int) -> list[Mutant]:
    """Draws mutants of different sites: one of each file if there are enough, the others at random.

    The more sites a file has, the more are drawn from it. A site is a segment of the text, or a
    call whose arguments can be swapped; of the several mutants of a site one is drawn.
    """
    sites = {path: mutants_by_site(path, text) for path, text in texts.items()}
    counts = {path: len(found) for path, found in sites.items() if found}
    drawn: list[Mutant] = []
    for path, quota in quotas(counts, number, random.Random(seed)).items():
        generator = random.Random(f"{seed} {path}")  # a file's draws do not depend on other files
        shuffled = generator.sample(sites[path], len(sites[path]))
        chosen = (generator.choice(variants) for variants in shuffled)
        original = ast.dump(ast.parse(texts[path]))
        real = (mutant for mutant in chosen if is_real(mutant, texts[path], original))
        drawn += islice(real, quota)
    return drawn


def quotas(counts: Mapping[str, int], number: int, generator: random.Random) -> dict[str, int]:
    """Divides a number among files by their counts of sites, with at least one each if possible."""
    number = min(number, sum(counts.values()))
    floor = int(number >= len(counts))
    shares = dict.fromkeys(counts, floor)
    left = number - floor * len(counts)
    if left == 0:
        return shares
    ends, total = [], 0
    for count in counts.values():
        total += count - floor
        ends.append(total)
    paths, offset = list(counts), generator.random()
    for i in range(left):  # evenly spaced points on a line of all sites, file after file
        shares[paths[bisect_right(ends, (i + offset) * total / left)]] += 1
    return shares


def is_real(mutant: Mutant, text: str, original: str) -> bool:
    """Tells whether the mutant is Python, and another program than the original's dump."""
    try:
        changed = ast.parse(mutant.applied(text))
    except SyntaxError:
        return False
    return ast.dump(changed) != original


# ------------------------------------------------------------------------------------ the text


class Source:
    """A file's text, with the positions of its nodes and tokens in characters."""

    def __init__(self, text: str):
        self.text = text
        self.lines = text.splitlines(keepends=True)
        self.starts = [0]
        for line in self.lines:
            self.starts.append(self.starts[-1] + len(line))
        tokens = tokenize.generate_tokens(io.StringIO(text).readline)
        self.tokens = [
            (self.starts[token.start[0] - 1] + token.start[1], token.string)
            for token in tokens
            if token.type not in NO_CODE and token.string
        ]

    def position(self, line: int, column: int) -> int:
        """Converts a node's line and column; ast counts columns in bytes of UTF-8."""
        before = self.lines[line - 1].encode()[:column].decode()
        return self.starts[line - 1] + len(before)

    def span(self, node: ast.expr) -> tuple[int, int]:
        """Returns start and end of a node."""
        assert node.end_lineno is not None
        assert node.end_col_offset is not None
        start = self.position(node.lineno, node.col_offset)
        return start, self.position(node.end_lineno, node.end_col_offset)

    def between(self, left: ast.expr, right: ast.expr) -> tuple[int, int]:
        """Returns start and end of the operator between two nodes, without parentheses."""
        first, last = self.span(left)[1], self.span(right)[0]
        tokens = self.tokens[self.tokens_before(first) : self.tokens_before(last)]
        found = [token for token in tokens if token[1] not in "()"]
        return found[0][0], found[-1][0] + len(found[-1][1])

    def end_before(self, position: int) -> int:
        """Returns the end of the last token before a position."""
        start, string = self.tokens[self.tokens_before(position) - 1]
        return start + len(string)

    def tokens_before(self, position: int) -> int:
        """Counts the tokens that start before a position."""
        return bisect_left(self.tokens, (position, ""))


# -------------------------------------------------------------------------------------- the edits

Edit = tuple[int, int, str, str]  # start, end, name of the mistake, new text


def mutants_by_site(path: str, text: str) -> list[list[Mutant]]:
    """Lists the mutants of a file, those of one site together: of a segment, or of a call."""
    source = Source(text)
    sites: dict[tuple[int, int], list[Mutant]] = {}
    for node, statement in changeable(ast.parse(text), (1, 1)):
        for start, end, name, new in edits(source, node):
            line = bisect_right(source.starts, start)
            column = start - source.starts[line - 1] + 1
            old = text[start:end]
            mutant = Mutant(path, line, column, name, start, end, old, new, statement)
            site = source.span(node) if isinstance(node, ast.Call) else (start, end)
            sites.setdefault(site, []).append(mutant)
    return [sites[site] for site in sorted(sites)]


def changeable(node: ast.AST, statement: tuple[int, int]) -> Iterator[tuple[ast.AST, tuple]]:
    """Yields the nodes that may be changed, each with the lines of its statement."""
    if is_text_or_type(node):
        return
    if isinstance(node, ast.stmt):
        statement = own_lines(node)
    yield node, statement
    if isinstance(node, ast.keyword) and node.arg in AXES:
        return  # an axis has a rule of its own
    for field, value in ast.iter_fields(node):
        if field in ("annotation", "returns"):
            continue
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST):
                yield from changeable(child, statement)


def is_text_or_type(node: ast.AST) -> bool:
    """Tells which nodes are left alone, with everything inside them."""
    match node:
        case ast.JoinedStr() | ast.Raise():
            return True
        case ast.Call(func=ast.Attribute(attr="warn")):
            return True
        case ast.If(test=test):
            return "TYPE_CHECKING" in ast.unparse(test)
        case ast.Assign(targets=[ast.Name(id="__all__")]):
            return True
        case ast.AnnAssign(annotation=annotation):
            return "TypeAlias" in ast.unparse(annotation)
    return False


def own_lines(statement: ast.stmt) -> tuple[int, int]:
    """Returns first and last line of a statement; of one with a body, those before the body.

    try and match are taken whole, because they have more code than what stands before the body.
    """
    decorators = getattr(statement, "decorator_list", [])
    first = min([statement.lineno, *(node.lineno for node in decorators)])
    body = getattr(statement, "body", None)
    if body and not isinstance(statement, ast.Try):
        return first, max(statement.lineno, body[0].lineno - 1)
    return first, statement.end_lineno or statement.lineno


def edits(source: Source, node: ast.AST) -> Iterator[Edit]:
    """Yields all mistakes that can be made at a node itself."""
    for kind, rule in RULES:
        if isinstance(node, kind):
            yield from rule(source, node)


def number(source: Source, node: ast.Constant) -> Iterator[Edit]:
    """Replaces c by c + 1, 2c, −c, and 1 by 0; True by False."""
    start, end = source.span(node)
    value = node.value
    if isinstance(value, bool):
        yield start, end, f"{not value}-for-{value}".lower(), str(not value)
    elif isinstance(value, int | float):
        yield start, end, "plus-one", repr(value + 1)
        if value:
            yield start, end, "doubled", repr(2 * value)
            yield start, end, "negated", f"(-{source.text[start:end]})"
        if value == 1:
            yield start, end, "zero-for-one", repr(value - 1)


def axis(source: Source, node: ast.keyword) -> Iterator[Edit]:
    """Replaces axis 0 by 1 and any other by 0."""
    if node.arg not in AXES:
        return
    start, end = source.span(node.value)
    old = source.text[start:end]
    if old.removeprefix("-").isdigit():
        new = "1" if old == "0" else "0"
        yield start, end, f"axis-{new}-for-{old}", new


def binary(source: Source, node: ast.BinOp) -> Iterator[Edit]:
    """Replaces the operator, and drops the right-hand side of + − * /."""
    if is_string(node.left) or is_string(node.right):
        return
    if isinstance(node.op, ast.BitOr) and (is_type(node.left) or is_type(node.right)):
        return
    start, end = source.between(node.left, node.right)
    yield from replaced_operator(source, start, end)
    if isinstance(node.op, ast.Add | ast.Sub | ast.Mult | ast.Div):
        left_end, right_end = source.end_before(start), source.span(node)[1]
        breaks = source.text.count("\n", left_end, right_end)
        yield left_end, right_end, "dropped-term", "\n" * breaks


def comparison(source: Source, node: ast.Compare) -> Iterator[Edit]:
    """Replaces each operator of a comparison."""
    for left, right in pairwise([node.left, *node.comparators]):
        yield from replaced_operator(source, *source.between(left, right))


def logic(source: Source, node: ast.BoolOp) -> Iterator[Edit]:
    """Replaces `and` by `or` and the other way round."""
    for left, right in pairwise(node.values):
        yield from replaced_operator(source, *source.between(left, right))


def update(source: Source, node: ast.AugAssign) -> Iterator[Edit]:
    """Replaces += by -= and the like."""
    if not is_string(node.value):
        yield from replaced_operator(source, *source.between(node.target, node.value))


def replaced_operator(source: Source, start: int, end: int) -> Iterator[Edit]:
    """Replaces the operator of a segment by each that it could be mistaken for."""
    old = source.text[start:end]
    for new in OPERATORS.get(old, []):
        yield start, end, f"{word(new)}-for-{word(old)}", new


def word(operator: str) -> str:
    """Names an operator: add, not-in; that of += is add, too."""
    return WORDS.get(operator) or WORDS.get(operator[:-1]) or operator.replace(" ", "-")


def sign(source: Source, node: ast.UnaryOp) -> Iterator[Edit]:
    """Drops a minus, a `not` or a ~."""
    start, _ = source.span(node)
    dropped = {ast.USub: "-", ast.Not: "not", ast.Invert: "~"}.get(type(node.op))
    if dropped:
        name = {"-": "dropped-minus", "not": "dropped-not", "~": "dropped-invert"}[dropped]
        yield start, start + len(dropped), name, ""


def index(source: Source, node: ast.Subscript) -> Iterator[Edit]:
    """Replaces [i] by [i + 1], and drops each end of a slice."""
    if is_type(node.value):
        return
    for part in node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]:
        if isinstance(part, ast.Name):
            start, end = source.span(part)
            yield start, end, "next-index", f"{part.id} + 1"
        for bound in (part.lower, part.upper) if isinstance(part, ast.Slice) else ():
            if bound is not None:
                start, end = source.span(bound)
                yield start, end, "dropped-bound", "\n" * source.text.count("\n", start, end)


def arguments(source: Source, node: ast.Call) -> Iterator[Edit]:
    """Swaps neighbouring positional arguments, except a string: it would fail at once."""
    if ast.unparse(node.func) in ORDERED_BY_TYPE:
        return
    for left, right in pairwise(node.args):
        if any(isinstance(side, ast.Starred) or is_string(side) for side in (left, right)):
            continue
        (start, left_end), (right_start, end) = source.span(left), source.span(right)
        text = source.text
        swapped = text[right_start:end] + text[left_end:right_start] + text[start:left_end]
        yield start, end, "swapped-arguments", swapped


def condition(source: Source, node: ast.If | ast.While | ast.IfExp | ast.Assert) -> Iterator[Edit]:
    """Negates a condition, unless a `not` can be dropped from it."""
    yield from negated(source, node.test)


def filters(source: Source, node: ast.comprehension) -> Iterator[Edit]:
    """Negates the conditions of a comprehension."""
    for test in node.ifs:
        yield from negated(source, test)


def negated(source: Source, test: ast.expr) -> Iterator[Edit]:
    """Puts `not` before a condition that has none."""
    if not (isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not)):
        start, end = source.span(test)
        yield start, end, "negated-condition", f"not ({source.text[start:end]})"


def named(source: Source, node: ast.Name) -> Iterator[Edit]:
    """Replaces min by max and the other way round."""
    yield from other_extreme(node.id, source.span(node)[1])


def attribute(source: Source, node: ast.Attribute) -> Iterator[Edit]:
    """Replaces .min by .max and the other way round, and drops .T."""
    end = source.span(node)[1]
    yield from other_extreme(node.attr, end)
    if node.attr == "T":
        yield source.text.rindex(".", 0, end), end, "dropped-transpose", ""


def other_extreme(name: str, end: int) -> Iterator[Edit]:
    """Replaces a name that ends at a position."""
    if name in EXTREMES:
        yield end - len(name), end, f"{EXTREMES[name]}-for-{name}", EXTREMES[name]


def is_string(node: ast.expr) -> bool:
    """Tells whether a node is the text of a string."""
    return isinstance(node, ast.JoinedStr) or (
        isinstance(node, ast.Constant) and isinstance(node.value, str)
    )


def is_type(node: ast.expr) -> bool:
    """Guesses from the name whether a node is a type: Layer, np.ndarray, dict, None."""
    last_name = ast.unparse(node).rpartition(".")[2]
    is_class = last_name[:1].isupper() and not last_name.isupper()  # W and SMALL are values
    return is_class or last_name in TYPES or last_name == "ndarray"


Rule = Callable[[Source, ast.AST], Iterator[Edit]]
RULES: Sequence[tuple] = [
    (ast.Constant, number),
    (ast.keyword, axis),
    (ast.BinOp, binary),
    (ast.Compare, comparison),
    (ast.BoolOp, logic),
    (ast.AugAssign, update),
    (ast.UnaryOp, sign),
    (ast.Subscript, index),
    (ast.Call, arguments),
    ((ast.If, ast.While, ast.IfExp, ast.Assert), condition),
    (ast.comprehension, filters),
    (ast.Name, named),
    (ast.Attribute, attribute),
]
