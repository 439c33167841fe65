"""Several scans of one sample: labels, files, weight fractions, errors, what each scan adds and what one more would."""

from __future__ import annotations

import json
import pickle
import tomllib
from dataclasses import replace

import numpy as np
import pytest
import xarray as xr
from two_scans import RADIATION, alloy, pair, scan_of

import xrdfit as xf
from xrdfit.cli import main
from xrdfit.commands.samples import labelled_files, name_scans
from xrdfit.errors import InputError
from xrdfit.inference.questions.by_scan import information_of
from xrdfit.inference.questions.identify import identify_result
from xrdfit.report.curves import curves
from xrdfit.report.fitfile import read_fit_file

CHOICES = {"radiation": RADIATION, "background": 3, "vary": ["b_overall"], "exclude": {"lab": [(70.0, 71.0)]}}


@pytest.fixture(scope="module")
def scans():
    return pair(3)


@pytest.fixture(scope="module")
def fitted(scans):
    return xf.fit(alloy(), scans, engine="bragg", **CHOICES)


@pytest.fixture(scope="module")
def folder(fitted, tmp_path_factory):
    return xf.save(fitted, tmp_path_factory.mktemp("several") / "out")


def test_the_truth_is_found(fitted):
    assert fitted.success
    for name, truth in (("occ_Cu_8c", 0.6), ("occ_Fe_4b", 0.4), ("a", 5.8), ("size_nm", 30.0)):
        assert abs(fitted[name].value - truth) < 4.0 * fitted[name].stderr
    assert {"lab__scale", "hrpt__scale", "lab__bkg_3", "hrpt__zero_deg"} <= set(fitted.parameters)
    assert "lab__a" not in fitted.parameters


class TestLabels:
    @pytest.mark.parametrize("label", ["2nd", "a b", "a__b", "a_", "", "lab-1", "x" * 41])
    def test_a_label_must_be_able_to_stand_in_a_name(self, scans, label):
        with pytest.raises(InputError, match="label"):
            xf.fit(alloy(), {label: scans["lab"], "other": scans["hrpt"]}, engine="bragg")

    def test_options_for_a_scan_that_is_not_there(self, scans):
        with pytest.raises(InputError, match=r"'moon'.*there are lab, hrpt"):
            xf.fit(alloy(), scans, engine="bragg", radiation={"moon": "cu-ka"})
        with pytest.raises(InputError, match="single scan has no label"):
            xf.fit(alloy(), scans["lab"], engine="bragg", radiation={"lab": "cu-ka"})

    def test_occupancies_are_the_samples(self, scans):
        with pytest.raises(InputError, match="share its occupancies"):
            xf.fit(alloy(), scans, engine="bragg", own=["occ_*"], **CHOICES)

    def test_no_scan_at_all(self):
        with pytest.raises(InputError, match="no scan"):
            xf.fit(alloy(), {}, engine="bragg")


def test_errors_are_those_of_the_worst_scan(scans, fitted):
    """A scan whose errors are stated at half their size has χ² 4, and all errors double."""
    mean = scan_of(alloy(), RADIATION["hrpt"], scans["hrpt"]["two_theta"].values, 4)
    low = mean.assign(sigma=mean["sigma"] / 2.0).assign_attrs(sigma_from="file")
    worse = xf.fit(alloy(), {**scans, "hrpt": low}, engine="bragg", **CHOICES)
    high = worse.scans[1].statistics.chi2_reduced
    assert high == pytest.approx(4.0, rel=0.2)
    assert worse.statistics.chi2_reduced < high
    assert worse.inflation == pytest.approx(high)
    raw = information_of(worse.problem, worse.theta).error("occ_Fe_4b", [1.0, 1.0])
    assert worse["occ_Fe_4b"].stderr == pytest.approx(raw * np.sqrt(high), rel=1e-6)
    assert any("do not fit equally well" in w and "hrpt" in w for w in worse.warnings)
    assert not any("do not fit equally well" in w for w in fitted.warnings)


class TestFiles:
    def test_a_result_comes_back(self, fitted, folder):
        again = xf.load_result(folder)
        assert again == fitted
        assert [s.label for s in again.scans] == ["lab", "hrpt"]
        assert pickle.loads(pickle.dumps(fitted)) == fitted  # our own bytes

    def test_result_json_lists_the_scans(self, fitted, folder):
        data = json.loads((folder / "result.json").read_text())
        assert [(s["label"], s["radiation"], s["n_points"]) for s in data["scans"]] == [
            (s.label, RADIATION[s.label], s.data.sizes["two_theta"]) for s in fitted.scans
        ]

    def test_fit_toml_has_a_table_a_scan(self, folder, scans):
        table = tomllib.loads((folder / "fit.toml").read_text())
        assert list(table["scans"]) == ["lab", "hrpt"]
        assert "scan" not in table
        assert table["options"]["scans"]["lab"]["exclude"] == [[70.0, 71.0]]
        read = read_fit_file(folder / "fit.toml").read_scans()
        assert np.array_equal(read["hrpt"]["counts"], scans["hrpt"]["counts"])

    def test_pattern_nc_has_a_group_a_scan(self, fitted, folder):
        with xr.open_dataset(folder / "pattern.nc", engine="h5netcdf", group="hrpt") as data:
            assert np.array_equal(data["calculated"], fitted.pattern_of("hrpt")["calculated"])

    def test_the_structure_is_one(self, folder):
        text = (folder / "refined.cif").read_text()
        assert text.count("data_") == 1
        assert text.count("_cell_length_a") == 1

    def test_page_and_picture_show_each_scan(self, fitted, folder):
        page = (folder / "report.html").read_text()
        assert all(f"{label}: scan" in page for label in RADIATION)
        lab, hrpt = (curves(fitted, label) for label in RADIATION)
        assert len(lab["excluded"]) == 1
        assert not hrpt["excluded"]

    @pytest.mark.parametrize(
        "scans_table", ["", '[scan]\nfile = "a"\n[scans.b]\nfile = "c"\n', '[scans."a b"]\nfile="c"']
    )
    def test_a_fit_toml_without_its_scans_is_refused(self, folder, tmp_path, scans_table):
        lines = (folder / "fit.toml").read_text().splitlines(keepends=True)
        start, stop = (next(i for i, x in enumerate(lines) if x.startswith(h)) for h in ("[scans.lab]", "[options]"))
        (tmp_path / "fit.toml").write_text("".join([*lines[:start], scans_table, "\n", *lines[stop:]]))
        with pytest.raises(InputError, match=r"scan|label"):
            read_fit_file(tmp_path / "fit.toml")


def test_the_command_line_names_scans(scans, tmp_path, capsys, folder):
    for label, scan in scans.items():
        np.savetxt(tmp_path / f"{label}-1.xy", np.column_stack([scan["two_theta"], scan["counts"]]), fmt="%.4f")
    model = tmp_path / "alloy.toml"
    from xrdfit.model.files.read import model_to_toml

    model.write_text(model_to_toml(alloy()))
    status = main(
        ["fit", f"lab={tmp_path / 'lab-1.xy'}", str(tmp_path / "hrpt-1.xy"), "--model", str(model), "--json",
         "--radiation", "lab=cu-ka", "--radiation", "hrpt_1=neutron:1.5", "--exclude", "lab:70", "71",
         "--background", "3", "--background", "hrpt_1:2", "--vary", "b_overall", "--own", "size_nm",
         "-o", str(tmp_path / "out")]
    )  # fmt: skip
    data = json.loads(capsys.readouterr().out)
    assert status == 0
    assert [s["label"] for s in data["scans"]] == ["lab", "hrpt_1"]
    assert [s["radiation"] for s in data["scans"]] == ["cu-ka", "neutron:1.5"]
    assert {"lab__size_nm", "hrpt_1__size_nm", "lab__bkg_3", "hrpt_1__bkg_2"} <= set(data["parameters"])
    assert not {"size_nm", "hrpt_1__bkg_3"} & set(data["parameters"])
    assert data["scans"][0]["n_points"] < len(scans["lab"]["two_theta"])
    assert main(["fit", "--from", str(tmp_path / "out" / "fit.toml"), "--json"]) == 0
    again = json.loads(capsys.readouterr().out)
    assert again["parameters"] == data["parameters"]
    assert main(["fit", f"lab={tmp_path / 'lab-1.xy'}", str(model), "--model", "cu2se", "--radiation", "x=cu-ka"]) == 2
    assert "there is no such scan" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("--radiation lab=cu-ka x", '--for-scan ["lab", "--radiation", "cu-ka"] x'),
        ("--radiation neutron:1.909", "--radiation neutron:1.909"),
        ("--exclude lab:58.5 59.5 --json", '--for-scan ["lab", "--exclude", "58.5", "59.5"] --json'),
        ("--exclude 58.5 59.5", "--exclude 58.5 59.5"),
        ("--hump lab:19.8 6 --air", '--for-scan ["lab", "--hump", "19.8,6"] --air'),
        ("--hump lab:19.8 --air", '--for-scan ["lab", "--hump", "19.8"] --air'),
        ("--instrument C:/of/mine.toml", "--instrument C:/of/mine.toml"),
        ("--instrument lab=mine.toml", '--for-scan ["lab", "--instrument", "mine.toml"]'),
        ("--total Cu=8 --vary a=1", "--total Cu=8 --vary a=1"),
    ],
)
def test_options_that_name_a_scan(given, kept):
    assert " ".join(name_scans(given.split())) == kept


def test_labels_of_files():
    files = labelled_files(["a/scan-1.xy", "b/scan-1.xy", "lab=c.xy", "2.raw"])
    assert files == {"scan_1": "a/scan-1.xy", "scan_1_2": "b/scan-1.xy", "lab": "c.xy", "s2": "2.raw"}
    with pytest.raises(InputError, match="labelled lab"):
        labelled_files(["lab=a.xy", "lab=b.xy"])


def test_compare_says_what_each_scan_has_against_the_next(scans):
    found = xf.compare(alloy(), scans, engine="bragg", radiation=RADIATION, background=3)
    assert set(found.best.sites) == {"Cu_8c", "Fe_4b"}
    assert found.verdict == "decided"
    for c in found.candidates:
        assert sum(c.chi2_by_scan.values()) == pytest.approx(c.chi2)
    assert any("χ² of lab +" in line and "of hrpt +" in line for line in found.summary)


class TestWeightFractions:
    @pytest.fixture
    def mixture(self):
        model, other = alloy(), xf.load_model("caf2")
        return replace(model, name="mixture", phases=(*model.phases, replace(other.phases[0], size_nm=30.0)))

    def test_scans_are_averaged_with_their_errors(self, mixture):
        values = {"alloy__scale": 1.0, f"{mixture.phases[1].name}__scale": 0.8}
        scans = {
            label: scan_of(mixture, RADIATION[label], np.arange(20.0, 80.0, 0.06), seed, values=values)
            for seed, label in enumerate(RADIATION)
        }
        result = xf.fit(mixture, scans, engine="bragg", radiation=RADIATION, background=2, fix=["*occ_*"])
        first, second = (scan.weight_fractions["alloy"] for scan in result.scans)
        mean, error = result.weight_fractions["alloy"], result.weight_fraction_errors["alloy"]
        assert sum(result.weight_fractions.values()) == pytest.approx(1.0)
        assert min(first, second) <= mean <= max(first, second)
        masses = [sum(n * MASS[e] for e, n in p.structure.composition().items()) for p in mixture.phases]
        truth = masses[0] / (masses[0] + 0.8 * masses[1])
        assert abs(mean - truth) < 4.0 * error
        assert error > 0.0


MASS = {"Se": 78.971, "Cu": 63.546, "Fe": 55.845, "Ca": 40.078, "F": 18.998}


class TestWhatAScanAdds:
    def test_alone_is_a_fit_alone_and_all_are_all(self, fitted, scans):
        found = identify_result(fitted)
        lab, hrpt = found.scans
        assert lab.alone == hrpt.without
        alone = xf.fit(
            alloy(),
            scans["lab"],
            engine="bragg",
            radiation="cu-ka",
            background=3,
            vary=["b_overall"],
            exclude=[(70.0, 71.0)],
        )
        for name in ("occ_Cu_8c", "occ_Fe_4b"):
            assert lab.alone[name] == pytest.approx(alone[name].stderr, rel=0.1)
            assert fitted[name].stderr < min(lab.alone[name], hrpt.alone[name])
        assert any("by lab alone" in line for line in found.summary)

    def test_what_one_scan_cannot_tell_is_not_determined(self):
        """Cu and Zn differ by one electron: X-rays see their sum, neutrons tell them apart (7.7 and 5.7 fm)."""
        model = brass()
        plans = {"lab": xf.Plan(radiation="mo-ka", two_theta=(15.0, 60.0, 0.03)),
                 "d1a": xf.Plan(radiation="neutron:1.5", two_theta=(20.0, 120.0, 0.1))}  # fmt: skip
        ties = ["occ_Zn_4a = 1 - occ_Cu_4a"]
        found = xf.identify(model, plans, vary=["occ_Cu_4a"], tie=ties, background=2, fix={"mixing": None})
        lab, d1a = found.scans
        assert d1a.alone["occ_Cu_4a"] < 0.2 * lab.alone["occ_Cu_4a"]


def brass() -> xf.PowderModel:
    from xrdfit.crystal.structure import Structure
    from xrdfit.crystal.symmetry import Cell, space_group
    from xrdfit.model.phase import Phase

    rows = [
        {"species": "Cu", "xyz": (0, 0, 0), "occupancy": 0.7, "b_iso": 0.6},
        {"species": "Zn", "xyz": (0, 0, 0), "occupancy": 0.3, "b_iso": 0.6},
        {"species": "S", "xyz": (0.25, 0.25, 0.25), "b_iso": 0.6},
    ]
    structure = Structure.from_sites("brass", space_group("F-43m"), Cell(5.4, 5.4, 5.4), rows)
    return xf.PowderModel("brass", (Phase("brass", structure, size_nm=40.0),))


class TestDesign:
    def test_one_more_scan_is_what_two_planned_scans_give(self):
        model, options = alloy(), {"vary": ["b_overall"], "background": 2}
        grid = (20.0, 90.0, 0.05)
        cu, neutron = (xf.Plan(radiation=r, two_theta=grid) for r in ("cu-ka", "neutron:1.5"))
        alone = xf.identify(model, cu, engine="bragg", **options)
        rows = xf.design(alone.result, "occ_Fe_4b", 0.6 * alone.stderr["occ_Fe_4b"])
        row = next(r for r in rows if r.added and r.radiation == "neutron:1.5")
        both = xf.identify(model, {"cu": cu, "n": neutron}, engine="bragg", **options)
        assert row.stderr == pytest.approx(both.stderr["occ_Fe_4b"], rel=0.02)
        # counted as long as it says, the error is the target
        longer = replace(neutron, counts=neutron.counts * row.time_a_step, background=300.0 * row.time_a_step)
        there = xf.identify(model, {"cu": cu, "n": longer}, engine="bragg", **options).stderr["occ_Fe_4b"]
        assert there == pytest.approx(0.6 * alone.stderr["occ_Fe_4b"], rel=0.02)
        assert row.time_in_all == pytest.approx(1.0 + row.time_a_step)
        assert any("Fe K edge" in r.change for r in rows)
        assert [r.time_in_all for r in rows[1:]] == sorted(r.time_in_all for r in rows[1:])

    def test_of_several_scans_each_may_be_counted_longer(self, fitted):
        rows = xf.design(fitted, "occ_Fe_4b", 0.7 * fitted["occ_Fe_4b"].stderr)
        assert rows[0].stderr == pytest.approx(fitted["occ_Fe_4b"].stderr, rel=1e-6)
        longer = {r.change: r for r in rows}
        assert {"lab counted longer", "hrpt counted longer"} <= set(longer)
        # all together need less time than either by itself
        assert rows[0].time_a_step < min(longer[f"{x} counted longer"].time_a_step for x in RADIATION)


def test_reflections_are_those_of_the_command(capsys):
    lines = xf.reflections(xf.load_model("cu2se-2nm"), radiation="cu-ka1", two_theta=(15.0, 65.0))
    words = ["--radiation", "cu-ka1", "--two-theta", "15", "65", "--format", "json"]
    assert main(["reflections", "cu2se-2nm", *words]) == 0
    rows = json.loads(capsys.readouterr().out)["reflections"]
    assert [r["two_theta"] for r in rows] == lines["two_theta"].values.tolist()
    assert lines["intensity"].max() == pytest.approx(100.0)
    assert set(lines["phase"].values) == {"cu2se"}


def test_ties_may_concern_what_one_scan_has_for_itself(scans):
    """Axial divergence of the diffractometer alone, H/L as S/L."""
    result = xf.fit(
        alloy(),
        scans,
        engine="bragg",
        radiation=RADIATION,
        usual=False,
        vary=["lab__S_L"],
        start={"lab__S_L": 0.02},
        tie=["lab__H_L = lab__S_L"],
    )
    assert result["lab__H_L"].value == result["lab__S_L"].value > 0.0
    assert result["lab__H_L"].status == "derived"
    assert result["hrpt__H_L"].value == 0.0
    with pytest.raises(xf.InputError, match="lab__no"):
        xf.fit(alloy(), scans, engine="bragg", radiation=RADIATION, tie=["lab__H_L = lab__no"])
