"""The verdict on each statement, judged from its numbers by criteria that stand here.

A judge takes the numbers of its statement, by the names under which statements.json holds them, and returns the finding
and its reason. A last printed digit counts as right within half of it; a difference counts as seen when it is three
standard errors, or 9 in χ².
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import floor, isclose, sqrt

from xrdfit.article.claims import Finding, Statement
from xrdfit.article.published import LATTICE_PARAMETER, by_size

Values = Mapping[str, float]
Verdict = tuple[Finding, str]

QUOTED_ANGLES = {"111": 26.4, "200": 30.5, "311": 51.8}
QUOTED_FRINGES = {"fringe_a": 3.3, "superstructure_a": 6.7}
TEXT_SHARES = {"8c": 0.28, "4b": 0.18, "24e": 0.54}
"""Of the fit in the text: 28 % tetrahedral, 18 % octahedral, the rest on 24e."""
QUOTED_OCTAHEDRAL_PERCENT = 15.0
QUOTED_VOLUME_PERCENT = 7.0
QUOTED_PRESSURE_GPA = 2.0
QUOTED_COMPRESSION_PERCENT = 4.5
READ_FRINGE = 3.2
"""Of the 2 nm micrographs, Å."""

ENGINES = ("bragg", "debye")
N_POINTS = 1251
SEEN = 3.0
"""Standard errors."""
ABSENT, DISTINCT, WEAK = 1.0, 5.0, 50.0
"""Of the strongest line's 100: no line, a line that is seen, and less than half."""
NEARLY_EQUAL = 0.1
HALF, NEAR_HALF = 0.05, 0.25
"""An occupancy is one half, or near it."""
WRONG: Finding = "does not follow from the published numbers"
LIMITED: Finding = "holds with a limit"


def positions(v: Values) -> Verdict:
    """Statement 1: the angles are those printed."""
    if all(abs(v[f"two_theta_{line}_deg"] - angle) <= 0.05 for line, angle in QUOTED_ANGLES.items()):
        return "holds", ""
    return WRONG, "the angles differ by more than their last digit"


def trends(v: Values) -> Verdict:
    """Statement 2: {200}/{111} rises at each step and {311} falls at each step."""
    ratio = [v[f"ratio_200_111_{size}nm"] for size in (6, 4, 2)]
    third = [v[f"intensity_311_{size}nm"] for size in (6, 4, 2)]
    if not ratio[0] < ratio[1] < ratio[2]:
        return WRONG, "{200}/{111} does not rise at each step"
    if not third[2] < third[0]:
        return WRONG, "{311} is not weaker at 2 nm than at 6 nm"
    if third[0] > third[1] > third[2]:
        return "holds", ""
    weakest = "4 nm" if third[1] < third[2] else "2 nm"
    return LIMITED, (
        "{200}/{111} rises at each step; {311} is weaker at 2 nm than at 6 nm, but beside the strongest line it is "
        f"weakest at {weakest}, so the fall is not steady"
    )


def appearances(v: Values) -> Verdict:
    """Statement 3: {200} absent, distinct, equal to {111} with a weak {311}; both lines to be seen at 2 nm."""
    failing = [
        words
        for right, words in (
            (v["intensity_200_6nm"] < ABSENT, "6 nm has a {200} line"),
            (v["intensity_200_4nm"] >= DISTINCT, "4 nm has no distinct {200} line"),
            (abs(v["ratio_200_111_2nm"] - 1.0) <= NEARLY_EQUAL, "{111} and {200} are not equal at 2 nm"),
            (v["intensity_311_2nm"] < WEAK, "{311} is not weak at 2 nm"),
        )
        if not right
    ]
    if failing:
        return WRONG, "; ".join(failing)
    one = [name for name in ("bragg", "debye") if v[f"maxima_{name}_2nm"] < 2]
    if not one:
        return "holds", ""
    where = {"bragg": "the pattern of broadened Bragg lines", "debye": "the exact pattern of 2 nm spheres"}
    return LIMITED, (
        f"the intensities are as said, but in {' and in '.join(where[name] for name in one)} {{111}} and {{200}} are "
        "one broad maximum: that they are equal is a result of the line shape that is fitted, not seen"
    )


def cancellation(v: Values) -> Verdict:
    """Statement 4: {200} is weakest at half filled 8c, whatever else holds Cu."""
    alone, shared = v["occupancy_8c"], v["occupancy_8c_rest_on_32f"]
    off = max(abs(alone - 0.5), abs(shared - 0.5))
    if off <= HALF:
        return "holds", ""
    reason = (
        f"best at {alone:.2f} of the tetrahedral sites where they alone hold Cu, "
        f"and at {shared:.2f} where trigonal sites hold the rest"
    )
    if off <= NEAR_HALF:
        return LIMITED, f"{reason}; near one half, not at it"
    return WRONG, f"{reason}; not near one half"


def strongest_when_full(v: Values) -> Verdict:
    """Statement 5: {200} of full 8c is the strongest of all fillings, and the strongest line."""
    lower, beside = v["lower_limit_occupancy_8c"], v["relative_intensity_full"]
    if lower >= 1.0:
        return WRONG, "{200} of a full lattice is weaker than that of one that is less filled"
    limits = []
    if lower > 0.0:
        limits.append(f"true of {{200}} against itself for occupancies between {lower:.2f} and 1")
    if beside < 100.0:
        limits.append(f"it is not the strongest line of the pattern, of which it has {beside:.0f} %")
    return (LIMITED, "; ".join(limits)) if limits else ("holds", "")


def series(v: Values) -> Verdict:
    """Statement 6: {200}/{111} rises along Table 3; {311} falls and {200} rises along Table 4, also beside {111}."""
    ratio, third, second, beside = (
        [v[f"{name}_block_{i}"] for i in (1, 2, 3)]
        for name in (
            "ratio_200_111_table_3", "intensity_311_table_4", "intensity_200_table_4", "ratio_311_111_table_4",
        )
    )  # fmt: skip
    if not (third == sorted(third, reverse=True) and second == sorted(second) and ratio == sorted(ratio)):
        return WRONG, "an intensity of the series goes the other way"
    supplied = "the third block of Table 4 is Table 2's 2 nm model, since its own rows are not printed"
    if beside == sorted(beside, reverse=True):
        return LIMITED, f"true, but {supplied}"
    return LIMITED, (
        "true of intensities per cell and beside {220}; beside {111} the {311} line does not fall, "
        f"and {supplied}"
    )


def needs_octahedra(v: Values) -> Verdict:
    """Statement 7: every set of sites without 4b, 8c with 32f among them, is 9 in χ² worse than the best set."""
    sets = {e: {k.removeprefix(f"r_wp_{e}_"): r for k, r in v.items() if k.startswith(f"r_wp_{e}_")} for e in ENGINES}
    best = {e: min(found.values()) for e, found in sets.items()}
    without = {
        site: {e: min(r for name, r in found.items() if site not in name.split("+")) for e, found in sets.items()}
        for site in ("4b", "24e")
    }
    numbers = (
        f"8c and 32f alone leave R_wp = {_both({e: sets[e]['8c+32f'] for e in ENGINES}, named=True)}, the best set "
        f"without 4b {_both(without['4b'])}, the best of all {_both(best)}"
    )
    if not all(_worse(without["4b"][e], best[e]) for e in ENGINES):
        return WRONG, f"{numbers}: a set without 4b fits as well"
    also = all(_worse(without["24e"][e], best[e]) for e in ENGINES)
    return LIMITED, (
        f"{numbers}; 24e is {'needed as well' if also else 'not needed'}. But the pattern is one computed from the "
        "model with 4b: what the measured one needs, it alone can tell, and it is not public"
    )


def _both(r_wp: Mapping[str, float], named: bool = False) -> str:
    return " and ".join(f"{100 * r_wp[e]:.1f} %{f' ({e.capitalize()})' if named else ''}" for e in ENGINES)


def _worse(r_wp: float, best: float) -> bool:
    """Whether χ², which is the number of points for the best, grows by more than 9."""
    return N_POINTS * ((r_wp / best) ** 2 - 1.0) > SEEN**2


def text_against_table(v: Values) -> Verdict:
    """Statement 8: the text's shares are the table's within three standard errors, and 15 % are the table's."""
    table = {w: v[f"share_{w}_table_2_percent"] for w in TEXT_SHARES}
    off = {w: 100.0 * text - table[w] for w, text in TEXT_SHARES.items()}
    pulls = [difference / v[f"share_error_{w}_percent"] for w, difference in off.items()]
    elsewhere = abs(table["4b"] - QUOTED_OCTAHEDRAL_PERCENT) <= 0.5
    other = f"The 15 % elsewhere {'is' if elsewhere else 'is not'} Table 2's"
    if max(map(abs, off.values())) <= 0.5:
        return ("holds", "") if elsewhere else (LIMITED, other)
    model = f"28/18 % is not the model of Table 2, which is {table['8c']:.0f}/{table['4b']:.0f} %"
    if max(map(abs, pulls)) <= SEEN:
        return LIMITED, f"{model}, but counting does not tell the two apart. {other}"
    return WRONG, (
        f"{model}; counting would tell the two apart easily. {other}. Only errors of the model, not of counting, could "
        "hide the difference"
    )


def fringes(v: Values) -> Verdict:
    """Statement 9: the spacings are those printed, and one is twice the other."""
    if not isclose(v["superstructure_a"], 2.0 * v["fringe_a"], rel_tol=0.01):
        return WRONG, "the spacing of the ordered vacancies is not twice that of the planes"
    limits = []
    rounded = {name: round(v[name], 1) for name in QUOTED_FRINGES}
    if any(rounded[name] != text for name, text in QUOTED_FRINGES.items()):
        if any(floor(10.0 * v[name]) / 10.0 != text for name, text in QUOTED_FRINGES.items()):
            return WRONG, f"the spacings are {rounded['fringe_a']} and {rounded['superstructure_a']} Å"
        limits.append(
            "the text's 3.3 and 6.7 Å are cut off, not rounded "
            f"({rounded['fringe_a']} and {rounded['superstructure_a']})"
        )
    short = 100.0 * (1.0 - READ_FRINGE / v["fringe_a"])
    if abs(short) >= 1.0:
        limits.append(f"3.2 Å, read from the 2 nm micrographs, is {short:.0f} % below a/√3")
    return (LIMITED, "; ".join(limits)) if limits else ("holds", "")


def strain_and_pressure(v: Values) -> Verdict:
    """Statement 10: 7 % of volume and, from bulk modulus and volume, 2 GPa."""
    by_volume, by_length = v["pressure_by_volume_strain_gpa"], v["pressure_by_linear_strain_gpa"]
    unknown = (
        "The 2.4 % itself cannot be computed here: the frequencies stand in a figure only, and would have to differ by "
        f"{v['phonon_shift_percent']:.1f} %"
    )
    right = abs(-v["volume_strain_percent"] - QUOTED_VOLUME_PERCENT) <= 0.5
    volume = f"the volume is {'right' if right else 'not'}"
    if abs(by_volume - QUOTED_PRESSURE_GPA) <= 0.5:
        return (LIMITED, f"{volume} and so is the pressure. {unknown}") if right else (WRONG, f"{volume}. {unknown}")
    if abs(by_length - QUOTED_PRESSURE_GPA) <= 0.5:
        source = "2 GPa is bulk modulus × linear strain; a bulk modulus goes with the volume"
    else:
        source = "2 GPa is neither bulk modulus × linear strain nor × volume strain, which is"
    joint = "but" if right else "and"
    return WRONG, f"{volume}, {joint} {source}: {by_volume:.1f} GPa. {unknown}"


def apparent_strain(v: Values) -> Verdict:
    """Statement 11: the highest point moves by less than a tenth of 4.5 % where nothing is strained."""
    moved = abs(v["peak_strain_2nm_against_6nm_debye_percent"])
    fit = v["fit_strain_2nm_percent"]
    if moved <= 0.1 * QUOTED_COMPRESSION_PERCENT:
        return LIMITED, "the position tells the cell within a tenth of it, but the measured pattern is not public"
    other = "errs the other way" if fit > 0.0 else "errs the same way"
    return WRONG, (
        f"the tables have a = 5.85 Å at every size, and {moved:.1f} of the 4.5 % come from the overlap of {{111}} with "
        f"a strong {{200}} and from the smallness of an unstrained sphere; a whole-pattern Bragg fit {other}, by "
        f"{fit:+.2f} %. The measured pattern is not public"
    )


def distances(v: Values) -> Verdict:
    """Statement 12: a/2 and √3a/4; what the positions say beside that."""
    bond = LATTICE_PARAMETER * sqrt(3.0) / 4.0
    right = {"cu_4b_se_a": LATTICE_PARAMETER / 2.0, "cu_4b_cu_8c_a": bond}
    wrong = [name for name, value in right.items() if not isclose(v[name], value, abs_tol=0.005)]
    if wrong:
        return WRONG, "; ".join(f"{name} is {v[name]:.3f} Å" for name in wrong)
    remarks = []
    if v["cu_24e_se_a"] < 0.9 * bond:
        percent = 100.0 * by_size()[2.0].share("24e")
        remarks.append(
            f"24e at x = 0.25, where Table 2 puts {percent:.0f} % of the Cu, is {v['cu_24e_se_a']:.2f} Å from Se, far "
            f"below any Cu–Se bond ({bond:.2f} Å on 8c), a place where density is needed and no bond"
        )
    neighbours = int(v["tetrahedral_neighbours_of_4b"])
    if neighbours == 8:
        remarks.append(
            f"an octahedral site has {neighbours} tetrahedral neighbours, of which the text's four are every second one"
        )
    elif neighbours != 4:
        remarks.append(f"an octahedral site has {neighbours} tetrahedral neighbours, not the text's four")
    said = "; and ".join(remarks)
    return "holds", f"the distances are right. Not said there: {said}" if said else ""


def octahedral_share(v: Values) -> Verdict:
    """Statement 13: 15 % of the Cu; the 5 % cannot be judged."""
    share, occupancy = v["share_4b_percent"], v["occupancy_4b_percent"]
    if abs(share - QUOTED_OCTAHEDRAL_PERCENT) > 0.5:
        return WRONG, f"Table 2 has {share:.1f} % of the Cu on 4b"
    alike = abs(occupancy - 30.0) <= 0.5
    return LIMITED, (
        "15 % is right as a share of the Cu; the 5 % come from the article's sources, cannot be computed here, and do "
        "not say whether they are a share or an occupancy. The high-temperature prototype known here has no Cu on 4b, "
        "and the 30 % of α-CuI, to which the text compares, is an occupancy: the clusters' is "
        f"{occupancy:.0f} %{' too' if alike else ''}"
    )


def one_cation_a_void(v: Values) -> Verdict:
    """Statement 14: 8c + 4·32f = 1 within the table's digits."""
    wrong = [name for name, fill in v.items() if abs(fill - 1.0) > 5e-4]
    if "cations_a_void" in wrong:
        return WRONG, f"{v['cations_a_void']:.4f} cations stand in a void"
    return (LIMITED, "not so in every block of Table 3") if wrong else ("holds", "")


JUDGES: dict[int, Callable[[Values], Verdict]] = {
    1: positions,
    2: trends,
    3: appearances,
    4: cancellation,
    5: strongest_when_full,
    6: series,
    7: needs_octahedra,
    8: text_against_table,
    9: fringes,
    10: strain_and_pressure,
    11: apparent_strain,
    12: distances,
    13: octahedral_share,
    14: one_cation_a_void,
}
"""What judges each statement."""


def judged(number: int, claim: str, computed: str, values: Values) -> Statement:
    """Return a statement with the verdict that its numbers give."""
    finding, why = JUDGES[number](values)
    return Statement(number, claim, computed, finding, why, values)
