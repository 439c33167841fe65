"""What is known of the sample besides the scans: exact totals and ratios, ties, and restraints with errors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase

from xrdfit.errors import InputError
from xrdfit.fitting.blocks import Restraint
from xrdfit.fitting.known import Known
from xrdfit.fitting.options import FitOptions
from xrdfit.model.composition import OccupancyMap, Rule, occupancy_map
from xrdfit.model.equalities import ROUNDING
from xrdfit.model.phase import Phase
from xrdfit.model.powder import PowderModel
from xrdfit.model.ties import Tie, followed, ordered, parse_tie
from xrdfit.parameters import ParameterRow

Rows = Mapping[str, ParameterRow]


def occupancies(
    model: PowderModel, ties: Sequence[Tie], rows: Rows, options: FitOptions
) -> tuple[OccupancyMap, tuple[Tie, ...]]:
    """The map of shares to occupancies, and the ties that it does not hold."""
    tied = [t for t in ties if t.target in rows and rows[t.target].is_occupancy]
    targets = {t.target for t in tied}
    names = [n for n, r in rows.items() if r.is_occupancy and (r.vary or n in targets)]
    rules = [_tie_rule(t, rows) for t in tied] + _exact_rules(model, options)
    rules = [r for r in (_without_fixed(rule, names, rows) for rule in rules) if r is not None]
    limits = [(rows[n].minimum, rows[n].maximum) for n in names]
    followers = ordered([t for t in ties if t not in tied])
    followed(followers, {n: r.value for n, r in rows.items()}, {n: (r.minimum, r.maximum) for n, r in rows.items()})
    return occupancy_map(names, limits, rules, rounding=ROUNDING), followers


def b_per_element(model: PowderModel, options: FitOptions) -> tuple[PowderModel, FitOptions]:
    """Return model and options with one varying displacement parameter an element, in place of an overall one.

    The sites of an element follow its first one; a site that follows a tie already keeps it, and one that the options
    fix stays out. Where occupancies vary, so do these parameters in the phases that have them: of an impurity the scan
    does not tell as much.
    """
    tied = {t.target for t in model.ties}
    vary: list[str] = []
    fix: dict[str, float | None] = {}
    ties = list(model.ties)
    for phase in _refined(model, options):
        prefix = model.prefix(phase)
        first: dict[str, str] = {}
        for site in phase.structure.sites:
            name = f"{prefix}b_{site.label}"
            if site.shares is not None or name in tied or name in options.fix:
                continue
            if site.element in first:
                ties.append(parse_tie(f"{name} = {first[site.element]}"))
            else:
                first[site.element] = name
                vary.append(name)
        fix[f"{prefix}b_overall"] = None
    named = [n for n in options.vary if n not in fix]
    return replace(model, ties=tuple(ties)), replace(options, vary=(*named, *vary), fix={**fix, **options.fix})


def _refined(model: PowderModel, options: FitOptions) -> Sequence[Phase]:
    """Phases with an occupancy that varies, or all where there is none."""
    found = []
    for phase in model.phases:
        own = [f"occ_{site.label}" for site in phase.structure.sites]
        asked = any(fnmatchcase(model.prefix(phase) + name, wish) for name in own for wish in options.vary)
        if asked or any(name in phase.vary for name in own):
            found.append(phase)
    return found or model.phases


def restraints(model: PowderModel, rows: Rows, options: FitOptions, moving: set[str]) -> tuple[Restraint, ...]:
    """Restraints on parameters, and totals and ratios that are known with an error.

    Parameters
    ----------
    model : PowderModel
    rows : Mapping[str, ParameterRow]
    options : FitOptions
    moving : set of str
        Names of all parameters that move and are not solved for.

    Raises
    ------
    InputError
        For what does not move, and for scales, which have a meaning only together.
    """
    found = []
    for name, known in options.restrain.items():
        if name not in rows:
            raise InputError(f"restrain {name!r} names no parameter; there are {', '.join(rows)}")
        if rows[name].kind.linear and rows[name].kind.belongs != "background":
            raise InputError(f"restrain {name!r}: a scale is solved for in each step; restrain another parameter")
        if name not in moving and not (rows[name].kind.linear and rows[name].vary):
            raise InputError(f"restrain {name!r}: it does not vary; free it (--vary {name})")
        found.append(Restraint(f"{name}={known}", {name: 1.0}, {}, 0.0, 0.0, known.value, known.error))
    for key, known in options.total.items():
        if isinstance(known, Known):
            found.append(_soft(model, key, known, rows, moving))
    return tuple(found)


def _soft(model: PowderModel, key: str, known: Known, rows: Rows, moving: set[str]) -> Restraint:
    sums = []
    for prefix, phase, element in _parts(model, key):
        atoms = phase.atoms(element, prefix)
        still = sum(m * rows[n].value for n, m in atoms.items() if n not in moving)
        sums.append(({n: m for n, m in atoms.items() if n in moving}, still))
    if not any(atoms for atoms, _ in sums):
        raise InputError(f"total {key}={known}: none of its occupancies varies; free one (--vary)")
    (top, above), (bottom, below) = sums[0], sums[1] if len(sums) > 1 else ({}, 0.0)
    return Restraint(f"{key}={known}", top, bottom, above, below, known.value, known.error)


def _parts(model: PowderModel, key: str) -> list[tuple[str, Phase, str]]:
    """Prefix, phase and element of a total ("Cu", "phase__Cu") or of both sides of a ratio ("Cu/Se")."""
    above, slash, below = (part.strip() for part in key.partition("/"))
    first = _holder(model, above, key)
    return [first, _holder(model, below, key, first[1])] if slash else [first]


def _holder(model: PowderModel, text: str, key: str, beside: Phase | None = None) -> tuple[str, Phase, str]:
    phases = {p.name: p for p in model.phases}
    named = next((name for name in phases if text.startswith(f"{name}__")), None)
    element = text.removeprefix(f"{named}__") if named else text
    if not named and "__" in text:
        raise InputError(f"total {key}: no phase {text.partition('__')[0]!r}; there are {', '.join(phases)}")
    holders = [name for name, p in phases.items() if any(s.element == element for s in p.structure.sites)]
    if not named and beside is not None and beside.name in holders:
        named = beside.name
    if not named and len(holders) > 1:
        raise InputError(f"total {key}: phases {', '.join(holders)} hold {element}; write {holders[0]}__{key}=…")
    phase = phases[named or (holders or [model.phases[0].name])[0]]
    return model.prefix(phase), phase, element


def _tie_rule(tie: Tie, rows: Rows) -> Rule:
    affine = tie.affine()
    if affine is None or not all(n in rows and rows[n].is_occupancy for n in tie.sources):
        raise InputError(f"tie {tie.text!r}: an occupancy may only follow other occupancies, by sums and fixed factors")
    constant, slopes = affine
    return Rule({tie.target: 1.0, **{n: -s for n, s in slopes.items()}}, constant, True, tie.text)


def _exact_rules(model: PowderModel, options: FitOptions) -> list[Rule]:
    totals: dict[str, dict[str, float]] = {p.name: {} for p in model.phases}
    rules: list[Rule] = []
    for key, atoms in options.total.items():
        if isinstance(atoms, Known):
            continue
        parts = _parts(model, key)
        if len(parts) == 1:
            totals[parts[0][1].name][parts[0][2]] = atoms
        else:
            rules.append(_ratio_rule(parts, key, atoms))
    for p in model.phases:
        rules += p.rules(totals[p.name], model.prefix(p))
        if options.packing and (p.packing or len(model.phases) == 1):
            rules.append(p.packing_rule(model.prefix(p)))
    return rules


def _ratio_rule(parts: Sequence[tuple[str, Phase, str]], key: str, ratio: float) -> Rule:
    coefficients: dict[str, float] = {}
    for factor, (prefix, phase, element) in zip((1.0, -ratio), parts, strict=True):
        for name, m in phase.atoms(element, prefix).items():
            coefficients[name] = coefficients.get(name, 0.0) + factor * m
    return Rule(coefficients, 0.0, True, f"{key}={ratio:g}", counted=True)


def _without_fixed(rule: Rule, names: list[str], rows: Rows) -> Rule | None:
    """The rule with the occupancies that stand still moved to its right-hand side."""
    moving = {n: c for n, c in rule.coefficients.items() if n in names}
    still = sum(c * rows[n].value for n, c in rule.coefficients.items() if n not in names)
    if not moving and not rule.equality:
        if still > rule.bound + ROUNDING:
            raise InputError(f"{rule.text} does not hold: the fixed occupancies make {still:g}")
        return None
    return replace(rule, coefficients=moving, bound=rule.bound - still)
