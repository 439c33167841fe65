"""What a scan asks for beyond the model: score tests of everything that it might lack."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xrdfit.inference.adequacy.neighbourhood import Neighbourhood
from xrdfit.inference.adequacy.phase_pieces import impurity_pieces, shape_pieces, texture_pieces
from xrdfit.inference.adequacy.pieces import (
    Piece,
    background_pieces,
    intensity_pieces,
    named_for,
    parameter_pieces,
    spike_pieces,
)
from xrdfit.inference.adequacy.tube_pieces import tube_pieces
from xrdfit.inference.uncertainty.estimate import Estimate
from xrdfit.wording import advice_text

Array = NDArray[np.float64]

EXPECTED = (
    *("b_element", "b_overall", "parameter", "film", "site", "coordinate", "polarization", "texture", "anisotropic"),
    *("capillary", "kbeta", "w_la"),
)
"""Pieces that there are few of, and that samples and instruments usually have."""
ASKED_FOR = {True: 12.0, False: 20.0}
"""Δχ² from which a piece is advised, expected or not: of the others hundreds are tried."""
_PER_PARAMETER = 4.0  # further Δχ² for every further parameter of a piece
_MISFIT = 2.5  # standard deviations of χ² above which impurities are tried
_NEARLY = 0.5  # a piece that explains so much of the Δχ² of another, and nothing beside it, is an alternative
_MOST = 8


@dataclass(frozen=True)
class Advice:
    """A piece that the scan asks for.

    Attributes
    ----------
    code, subject : str
        What kind of piece, and which.
    options : tuple of str
        What adds it on the command line.
    delta_chi2 : float
        By how much χ² would fall, to first order.
    size : float
        How much of it, in `unit`; not a number for a piece of several parameters.
    unit : str
    moves : dict of str to float
        How far the occupancies would move.
    alternatives : tuple of Advice
        Other pieces that would explain the same.
    numbers : dict of str to float
        What describes the piece.
    scan : str
        Label of its scan.
    trust : float
        Part of its Δχ² by which it is ranked.
    """

    code: str
    subject: str
    options: tuple[str, ...]
    delta_chi2: float
    size: float
    unit: str
    moves: dict[str, float]
    alternatives: tuple[Advice, ...] = ()
    numbers: dict[str, float] = field(default_factory=dict)
    scan: str = ""
    trust: float = 1.0

    @property
    def remedy(self) -> str:
        """The option as it is typed."""
        return " ".join(self.options)

    def __str__(self) -> str:
        """Return the advice as a sentence."""
        return advice_text(self)

    def to_dict(self) -> dict[str, Any]:
        """Return the advice as plain data."""
        return {
            "code": self.code,
            "subject": self.subject,
            "text": str(self),
            "remedy": self.remedy,
            "delta_chi2": self.delta_chi2,
            "size": None if np.isnan(self.size) else self.size,
            "unit": self.unit,
            "moves": self.moves,
            "alternatives": [other.remedy for other in self.alternatives],
            "scan": self.scan,
        }


def advice_for(result: Estimate) -> tuple[Advice, ...]:
    """Return the pieces that the scan asks for, one after the other: each given those before it.

    What would be asked for as well, but no longer where a piece is there, is named as its alternative.

    Parameters
    ----------
    result : FitResult
    """
    hood = Neighbourhood.of(result.problem, result.theta)
    pieces = _Pieces.of(list(_candidates(result)))
    start = pieces.scored(hood)
    scored, found = start, []
    while scored and len(found) < _MOST:
        best = max(scored, key=lambda s: s.worth)
        hood_with = hood.with_columns(pieces.list[best.index].columns)
        after = pieces.scored(hood_with)
        left = {pieces.kind(s.index) for s in after}
        others = [s for s in scored if s.gain > _NEARLY * best.gain and pieces.kind(s.index) not in left]
        others = [s for s in others if pieces.kind(s.index) != pieces.kind(best.index)]
        found.append(_advice(hood, result, best, pieces, others))
        hood, scored = hood_with, after
    return tuple(found)


def _candidates(result: Estimate) -> Iterator[Piece]:
    yield from parameter_pieces(result)
    yield from intensity_pieces(result)
    yield from texture_pieces(result)
    yield from shape_pieces(result)
    yield from tube_pieces(result)
    yield from background_pieces(result)
    yield from spike_pieces(result)
    n = result.statistics.n_points
    if result.statistics.chi2 - n > _MISFIT * np.sqrt(2.0 * n):
        yield from impurity_pieces(result)


@dataclass(frozen=True)
class _Scored:
    """A piece with its Δχ², what of it counts beyond what is asked of its kind, and its size."""

    index: int
    gain: float
    worth: float
    size: float


@dataclass(frozen=True)
class _Pieces:
    """All candidates, those of one parameter side by side in one table."""

    list: Sequence[Piece]
    single: NDArray[np.intp]
    table: Array

    @classmethod
    def of(cls, pieces: Sequence[Piece]) -> _Pieces:
        single = np.array([i for i, p in enumerate(pieces) if p.columns.shape[1] == 1], dtype=np.intp)
        return cls(pieces, single, np.concatenate([pieces[i].columns for i in single], axis=1))

    def kind(self, index: int) -> tuple[str, str, str]:
        """Pieces of one kind are the same thing at other places; parameters are each a kind."""
        piece = self.list[index]
        return piece.code, piece.subject if piece.code in ("parameter", "b_element") else "", piece.scan

    def scored(self, hood: Neighbourhood) -> list[_Scored]:
        """The best of each kind that the scan asks for."""
        gains, sizes = hood.score(self.table)
        entries = zip(self.single.tolist(), gains.tolist(), sizes.tolist(), strict=True)
        several = [(i, hood.joint_score(p.columns), np.nan) for i, p in enumerate(self.list) if i not in self.single]
        best: dict[tuple[str, str, str], _Scored] = {}
        for index, gain, size in (*entries, *several):
            piece = self.list[index]
            limit = ASKED_FOR[piece.code in EXPECTED] + _PER_PARAMETER * (piece.columns.shape[1] - 1)
            kind = self.kind(index)
            worth = gain * piece.trust - limit
            if gain < limit or size <= piece.least or (kind in best and best[kind].worth >= worth):
                continue
            best[kind] = _Scored(index, gain, worth, size)
        return list(best.values())


def _advice(
    hood: Neighbourhood, result: Estimate, best: _Scored, pieces: _Pieces, others: Sequence[_Scored] = ()
) -> Advice:
    piece = pieces.list[best.index]
    names = result.problem.occupancies.names
    moves: dict[str, float] = {}
    if names:
        sizes = np.array([best.size]) if piece.columns.shape[1] == 1 else _joint_sizes(hood, piece.columns)
        shift = hood.moves(piece.columns, names) @ sizes
        moves = {n: float(s) for n, s in zip(names, shift, strict=True)}
    size = best.size
    if "trial" in piece.numbers:  # the pattern depends on the square
        size = piece.numbers["trial"] * max(size, 0.0) ** 0.5
    return Advice(
        piece.code,
        piece.subject,
        named_for(result, _with_value(piece, size)).options,
        best.gain,
        size,
        piece.unit,
        moves,
        tuple(_advice(hood, result, s, pieces) for s in sorted(others, key=lambda s: -s.gain)),
        dict(piece.numbers),
        piece.scan,
        piece.trust,
    )


def _with_value(piece: Piece, size: float) -> Piece:
    """The piece with its size in its option, where that is a value that a specimen or beam has."""
    if piece.code == "polarization":
        return replace(piece, options=(*piece.options, f"{min(max(piece.numbers['share'] + size, 0.0), 1.0):.2f}"))
    if piece.code == "capillary":
        return replace(piece, options=(*piece.options, f"{min(size, 10.0):.2g}"))
    return piece


def _joint_sizes(hood: Neighbourhood, columns: Array) -> Array:
    return np.asarray(np.linalg.lstsq(hood.seen(columns), hood.residual, rcond=1e-8)[0], dtype=np.float64)
