"""Ties between parameters: a closed grammar of names, numbers, + − × ÷ and brackets.

``x_F_48f = x_O_48f`` or ``occ_Cu_32f = (1 - occ_Cu_8c) / 4``. The text is parsed here into a small tree
and never evaluated as a programme; a tie returns its value together with its derivatives.

    tie        = name "=" expression
    expression = term { ("+" | "-" | "−") term }
    term       = factor { ("*" | "/" | "×" | "÷") factor }
    factor     = ["-" | "−"] ( number | name | "(" expression ")" )
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import inf, isfinite

from xrdfit.errors import InputError

_TOKEN = re.compile(r"\s*(?:(\d+\.?\d*(?:[eE][+-]?\d+)?|\.\d+(?:[eE][+-]?\d+)?)|([A-Za-z_]\w*)|(.))")
_MAX_LENGTH = 500
_MAX_DEPTH = 40
_SIGNS = {"−": "-", "×": "*", "÷": "/"}

Gradient = dict[str, float]


@dataclass(frozen=True)
class _Node:
    kind: str  # "number", "name" or an operator
    value: float = 0.0
    name: str = ""
    left: _Node | None = None
    right: _Node | None = None

    def evaluate(self, values: Mapping[str, float]) -> tuple[float, Gradient]:
        if self.kind == "number":
            return self.value, {}
        if self.kind == "name":
            return values[self.name], {self.name: 1.0}
        assert self.left is not None
        assert self.right is not None
        a, da = self.left.evaluate(values)
        b, db = self.right.evaluate(values)
        if self.kind in "+-":
            sign = 1.0 if self.kind == "+" else -1.0
            return a + sign * b, _combine(da, 1.0, db, sign)
        if self.kind == "*":
            return a * b, _combine(da, b, db, a)
        if b == 0.0:
            raise InputError("a tie divides by zero. Change the tie or the values in it")
        return a / b, _combine(da, 1.0 / b, db, -(a / b) / b)

    def names(self) -> Iterator[str]:
        if self.kind == "name":
            yield self.name
        for child in (self.left, self.right):
            if child is not None:
                yield from child.names()


def _combine(da: Gradient, fa: float, db: Gradient, fb: float) -> Gradient:
    out = {name: fa * slope for name, slope in da.items()}
    for name, slope in db.items():
        out[name] = out.get(name, 0.0) + fb * slope
    return out


@dataclass(frozen=True)
class Tie:
    """A parameter that follows others.

    Attributes
    ----------
    target : str
        Name of the parameter that follows.
    text : str
        The whole tie as written.
    sources : frozenset of str
        Names on the right-hand side.
    """

    target: str
    text: str
    sources: frozenset[str]
    _tree: _Node

    def evaluate(self, values: Mapping[str, float]) -> tuple[float, Gradient]:
        """Value of the target and its derivatives by the sources.

        Raises
        ------
        InputError
            Where it divides by zero, or its numbers are too large or too small to be computed with.
        """
        try:
            value, slopes = self._tree.evaluate(values)
        except OverflowError:
            value, slopes = inf, {}
        if not all(map(isfinite, (value, *slopes.values()))):
            raise InputError(f"tie {self.text!r} has no finite value here. Change the tie or the values in it")
        return value, slopes

    def affine(self) -> tuple[float, Gradient] | None:
        """``(constant, slopes)`` where the tie is affine in its sources, else None."""
        # values in no simple relation, so that no curved expression looks straight
        points = [
            {n: c + 0.7310585 * (i + 1) ** c for i, n in enumerate(sorted(self.sources))} for c in (0.37, 1.61, 2.93)
        ]
        try:
            (v0, g0), (_, g1), (_, g2) = (self.evaluate(p) for p in points)
        except InputError:
            return None
        if any(abs(g0[n] - g[n]) > 1e-12 * (1 + abs(g0[n])) for n in g0 for g in (g1, g2)):
            return None
        return v0 - sum(points[0][n] * slope for n, slope in g0.items()), g0


def parse_tie(text: str) -> Tie:
    """Parse ``name = expression``.

    Raises
    ------
    InputError
        Where the text is no tie of the grammar in this module's docstring, or refers to itself.
    """
    if len(text) > _MAX_LENGTH:
        raise InputError(f"a tie of {len(text)} characters is too long; at most {_MAX_LENGTH} are allowed")
    target, equals, expression = text.partition("=")
    target = target.strip()
    if not equals or not re.fullmatch(r"[A-Za-z_]\w*", target):
        raise InputError(f"tie {text!r} must read 'name = expression' with names, numbers, + - * / and brackets")
    tree = _Parser(expression, text).parse()
    sources = frozenset(tree.names())
    if target in sources:
        raise InputError(f"tie {text!r} refers to itself; the right-hand side must name other parameters")
    return Tie(target, text.strip(), sources, tree)


def ordered(ties: Sequence[Tie]) -> tuple[Tie, ...]:
    """Ties in an order in which each only needs those before it.

    Raises
    ------
    InputError
        They refer to each other in a circle.
    """
    done: list[Tie] = []
    waiting = list(ties)
    while waiting:
        targets = {t.target for t in waiting}
        ready = [t for t in waiting if not (t.sources & targets)]
        if not ready:
            raise InputError(f"ties {', '.join(repr(t.text) for t in waiting)} refer to each other in a circle")
        done += ready
        waiting = [t for t in waiting if t not in ready]
    return tuple(done)


def followed(
    ties: Sequence[Tie], values: Mapping[str, float], limits: Mapping[str, tuple[float, float]]
) -> dict[str, float]:
    """Values with those that follow by ties, which are in order, put in.

    Raises
    ------
    InputError
        A tie has no finite value, or one outside the limits of its target.
    """
    out = dict(values)
    for tie in ties:
        value = out[tie.target] = tie.evaluate(out)[0]
        low, high = limits[tie.target]
        slack = 1e-9 * max(1.0, abs(low) if isfinite(low) else 0.0, abs(high) if isfinite(high) else 0.0)
        if not low - slack <= value <= high + slack:
            raise InputError(
                f"tie {tie.text!r} makes {tie.target} {value:.6g}; allowed are {low:g} to {high:g}. "
                "Change the tie or the values in it"
            )
    return out


class _Parser:
    def __init__(self, expression: str, whole: str) -> None:
        self._whole = whole
        self._tokens = [m for m in _TOKEN.finditer(expression.strip()) if m.group(0).strip()]
        self._at = 0
        self._depth = 0

    def parse(self) -> _Node:
        tree = self._expression()
        if self._at < len(self._tokens):
            raise self._error()
        return tree

    def _error(self) -> InputError:
        found = self._tokens[self._at].group(0).strip() if self._at < len(self._tokens) else "its end"
        return InputError(
            f"tie {self._whole!r} cannot be read at {found!r}; allowed are names, numbers, + - * / and brackets"
        )

    def _operator(self, allowed: str) -> str | None:
        if self._at < len(self._tokens):
            raw = self._tokens[self._at].group(3) or ""
            sign = _SIGNS.get(raw, raw)
            if sign and sign in allowed:
                self._at += 1
                return sign
        return None

    def _expression(self) -> _Node:
        tree = self._term()
        while sign := self._operator("+-"):
            tree = _Node(sign, left=tree, right=self._term())
        return tree

    def _term(self) -> _Node:
        tree = self._factor()
        while sign := self._operator("*/"):
            tree = _Node(sign, left=tree, right=self._factor())
        return tree

    def _factor(self) -> _Node:
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            raise InputError(f"tie {self._whole[:60]!r}… is nested too deeply; at most {_MAX_DEPTH} levels")
        try:
            return self._atom()
        finally:
            self._depth -= 1

    def _atom(self) -> _Node:
        if self._operator("-"):
            return _Node("*", left=_Node("number", -1.0), right=self._factor())
        if self._operator("("):
            tree = self._expression()
            if not self._operator(")"):
                raise self._error()
            return tree
        if self._at >= len(self._tokens):
            raise self._error()
        number, name, _ = self._tokens[self._at].groups()
        if number is None and name is None:
            raise self._error()
        self._at += 1
        return _Node("number", float(number)) if number else _Node("name", name=name)
