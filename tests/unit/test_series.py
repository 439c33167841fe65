"""A series: right answers, the same bits however it is executed, and nothing lost whatever goes wrong."""

import errno
import json
import os
import pickle
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from series_cases import CHOICES, MINUTES, TWO_THETA, counts, model, occupancy, write_scans

import xrdfit as xf
from xrdfit.errors import ComputationError, InputError
from xrdfit.series import journal as journal_module
from xrdfit.series.execute import Here, execute
from xrdfit.series.fingerprint import fingerprint
from xrdfit.series.journal import NAME, open_journal, read_journal
from xrdfit.series.rows import Row, failed
from xrdfit.series.table import read_netcdf

COORD = {"name": "t{minutes}min.xy"}


@pytest.fixture(scope="module")
def scans(tmp_path_factory):
    return write_scans(tmp_path_factory.mktemp("scans"))


@pytest.fixture(scope="module")
def series(scans):
    return xf.fit_series(model(), scans, engine="bragg", coord=COORD, **CHOICES)


def same(one, other):
    rows = {r.label: r for r in other.rows}
    return all(r.same_numbers(rows[r.label]) for r in one.rows)


def pulls(result):
    truth = occupancy(np.array(MINUTES, dtype=float))
    one = result["occ_Cu_8c"]
    return (one["value"].values - truth) / one["stderr"].values


def test_every_scan_is_right(series):
    assert bool(series.data["success"].all())
    assert np.abs(pulls(series)).max() < 3.5
    assert 0.5 < np.sqrt(np.mean(pulls(series) ** 2)) < 1.6
    np.testing.assert_array_equal(series.data["minutes"].values, MINUTES)
    assert set(series.data.sizes) >= {"scan", "parameter", "site"}
    atoms = 8 * series.data["occupancy"].sel(site="Cu_8c") + 32 * series.data["occupancy"].sel(site="Cu_32f")
    np.testing.assert_allclose(atoms, 8.0)


def test_a_scan_is_what_fit_says_of_it(scans, series):
    choices = {k: v for k, v in CHOICES.items() if k != "model_errors"}
    alone = xf.fit(model(), xf.read_pattern(scans[4]), engine="bragg", **choices)
    for name in ("occ_Cu_8c", "a", "size_nm", "scale"):
        one = series[name].isel(scan=4)
        assert float(one["value"]) == pytest.approx(alone[name].value, abs=0.01 * alone[name].stderr)
        assert float(one["stderr"]) == pytest.approx(alone[name].stderr, rel=0.01)


def test_order_batches_and_executors_change_no_bit(scans, series):
    backwards = xf.fit_series(model(), scans[::-1], engine="bragg", coord=COORD, batch=3, **CHOICES)
    assert same(series, backwards)
    with ThreadPoolExecutor(2) as pool:
        assert same(series, xf.fit_series(model(), scans, engine="bragg", executor=pool, batch=2, **CHOICES))


@pytest.mark.slow
@pytest.mark.skipif(not os.environ.get("XRDFIT_SLOW"), reason="starts processes: XRDFIT_SLOW=1")
def test_processes_change_no_bit(scans, series):
    assert same(series, xf.fit_series(model(), scans, engine="bragg", workers=2, batch=1, **CHOICES))


def test_a_series_of_one_grid_and_of_several(scans, series):
    """Scans of another grid between the others have tables of their own and change nothing."""
    coarse = xf.make_pattern(TWO_THETA[::2], counts(10)[::2])
    mixed = {"t1min": scans[0], "u_coarse": coarse} | {
        f"t{m}min": s for m, s in zip(MINUTES[1:], scans[1:], strict=True)
    }
    found = xf.fit_series(model(), mixed, engine="bragg", **CHOICES)
    assert same(series, found)
    assert float(found.data["n_points"].sel(scan="u_coarse")) == len(TWO_THETA[::2])
    one = found.data.sel(scan="u_coarse", site="Cu_8c")
    assert abs(float(one["occupancy"]) - occupancy(10.0)) < 4 * float(one["occupancy_stderr"])


def test_one_bad_scan_stops_nothing(scans, series, tmp_path):
    bad = tmp_path / "t3min.xy"
    bad.write_text("no numbers here\n" * 30)
    gone = str(tmp_path / "t4min.xy")
    flat = tmp_path / "t6min.xy"
    flat.write_text("".join(f"{x:.2f} {200 + (i * 7919) % 29}\n" for i, x in enumerate(TWO_THETA)))
    found = xf.fit_series(model(), [str(bad), *scans, gone, str(flat)], engine="bragg", **CHOICES)
    assert same(series, found)
    told = {r.label: r.message for r in found.rows if not r.success}
    assert set(told) == {"t3min", "t4min", "t6min"}
    assert "t3min.xy" in told["t3min"]
    assert "does not exist" in told["t4min"]
    assert told["t6min"]
    assert np.isnan(found.data["value"].sel(scan="t3min")).all()


def test_no_good_scan_is_an_error(tmp_path):
    with pytest.raises(InputError, match=r"none of the first 1 scans can be fitted: .*does not exist"):
        xf.fit_series(model(), str(tmp_path / "nothing.xy"), engine="bragg", **CHOICES)


def counted(monkeypatch):
    """How many scans are fitted from now on."""
    from xrdfit.series import work

    calls = []
    before = work.Worker.fit
    monkeypatch.setattr(work.Worker, "fit", lambda self, *a: calls.append(a[0].label) or before(self, *a))
    return calls


def test_resume_does_only_what_is_not_done(scans, series, tmp_path, monkeypatch):
    folder = tmp_path / "out"
    xf.fit_series(model(), scans[:4], engine="bragg", output=folder, **CHOICES)
    calls = counted(monkeypatch)
    found = xf.fit_series(model(), scans, engine="bragg", output=folder, resume=True, **CHOICES)
    assert calls == [f"t{m}min" for m in MINUTES[4:]]
    assert same(series, found)
    assert len(read_journal(folder / NAME)[1]) == len(scans)
    calls.clear()
    assert same(series, xf.fit_series(model(), scans, engine="bragg", output=folder, resume=True, **CHOICES))
    assert calls == []


def test_resume_goes_by_content_not_by_name(scans, tmp_path, monkeypatch):
    folder, other = tmp_path / "out", tmp_path / "renamed.xy"
    xf.fit_series(model(), scans[:3], engine="bragg", output=folder, **CHOICES)
    other.write_bytes(Path(scans[1]).read_bytes())
    changed = tmp_path / "t5min.xy"
    changed.write_bytes(Path(scans[2]).read_bytes().replace(b"# Temp", b"# temp"))
    calls = counted(monkeypatch)
    found = xf.fit_series(
        model(), [scans[0], str(other), str(changed)], engine="bragg", output=folder, resume=True, **CHOICES
    )
    assert calls == ["t5min"]
    assert [r.label for r in found.rows] == ["t1min", "renamed", "t5min"]
    calls.clear()
    other_options = CHOICES | {"background": 3}
    xf.fit_series(model(), scans[:2], engine="bragg", output=folder, resume=True, **other_options)
    assert sorted(set(calls)) == ["t1min", "t2min"]


def test_a_folder_is_not_written_twice(scans, tmp_path):
    folder = tmp_path / "out"
    xf.fit_series(model(), scans[:1], engine="bragg", output=folder, **CHOICES)
    with pytest.raises(InputError, match="--resume goes on"):
        xf.fit_series(model(), scans[:1], engine="bragg", output=folder, **CHOICES)
    held = open_journal(folder, resume=True, force=False)
    with pytest.raises(InputError, match="another programme is at work"):
        open_journal(folder, resume=True, force=False)
    held.close()
    xf.fit_series(model(), scans[1:2], engine="bragg", output=folder, force=True, **CHOICES)
    assert [r.label for r in read_journal(folder / NAME)[1]] == ["t2min"]


@pytest.mark.parametrize("cut", [1, 40, 2000])
def test_a_cut_journal_is_readable_and_goes_on(scans, series, tmp_path, cut):
    folder = tmp_path / "out"
    xf.fit_series(model(), scans, engine="bragg", output=folder, **CHOICES)
    path = folder / NAME
    content = path.read_bytes()
    path.write_bytes(content[:-cut])
    rows = read_journal(path)[1]
    assert len(scans) - 2 <= len(rows) < len(scans)
    assert same(series, xf.fit_series(model(), scans, engine="bragg", output=folder, resume=True, **CHOICES))
    labels = [r.label for r in read_journal(path)[1]]
    assert sorted(labels) == sorted(set(labels))
    assert len(labels) == len(scans)


def test_a_full_disk_loses_nothing(scans, series, tmp_path, monkeypatch):
    folder = tmp_path / "out"
    room = [9000]
    write = os.write

    def full(handle, data):
        if room[0] <= 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        data = data[: max(room[0], 1)]
        room[0] -= len(data)
        return write(handle, data)

    monkeypatch.setattr(journal_module.os, "write", full)
    with pytest.raises(ComputationError, match=r"No space left on device.*--resume goes on"):
        xf.fit_series(model(), scans, engine="bragg", output=folder, batch=1, **CHOICES)
    monkeypatch.setattr(journal_module.os, "write", write)
    kept = read_journal(folder / NAME)[1]
    assert 0 < len(kept) < len(scans)
    assert same(series, xf.fit_series(model(), scans, engine="bragg", output=folder, resume=True, **CHOICES))


def test_an_interrupted_series_keeps_what_was_done(scans, tmp_path):
    def stop(text, part=0.0):
        if text.startswith("4 of"):
            raise KeyboardInterrupt

    folder = tmp_path / "out"
    found = xf.fit_series(model(), scans, engine="bragg", output=folder, batch=1, progress=stop, **CHOICES)
    assert not found.complete
    assert int(found.data["success"].sum()) == 3
    assert "interrupted" in found.rows[-1].message
    assert len(read_journal(folder / NAME)[1]) == 4
    xf.save_series(found, folder)
    assert int(read_netcdf(folder / "series.nc")["success"].sum()) == 3


def test_progress_tells_rate_and_time(scans):
    told = []
    xf.fit_series(
        model(),
        scans[:3],
        engine="bragg",
        batch=1,
        progress=lambda text, part=None: told.append((text, part)),
        **CHOICES,
    )
    text, part = told[-1]
    assert text.startswith("3 of 3 scans, ")
    assert "a second, 0 s left" in text
    assert part == 1.0


class _Deadly:
    """A runner whose workers die of one scan."""

    workers = 2

    def __init__(self):
        self.here = Here()
        self.runs = 0

    def run(self, work, payload, batches, ahead):
        self.runs += 1
        for batch in batches:
            if any(entry == "bad" for entry in batch):
                yield batch, None, "its worker died"
            else:
                yield from self.here.run(work, payload, [batch], ahead)


def test_a_scan_that_kills_its_worker_is_found():
    runner = _Deadly()
    found = list(execute(runner, lambda payload, batch: list(batch), b"", ["a", "b", "bad", "c", "d"], 2))
    assert sorted(e for batch, done, _ in found if done is not None for e in done) == ["a", "b", "c", "d"]
    assert [(batch, why) for batch, done, why in found if done is None] == [(["bad"], "its worker died")]
    assert runner.runs == 3


def test_the_table_is_kept_and_read_again(series, tmp_path):
    xf.save_series(series, tmp_path / "out")
    names = {p.name for p in (tmp_path / "out").iterdir()}
    assert names >= {"series.nc", "series.csv", "refined.cif", "series.png", "waterfall.png", "map.png", "series.html"}
    back = xf.load_series(tmp_path / "out")
    assert back.data.identical(series.data)
    lines = (tmp_path / "out" / "series.csv").read_text().splitlines()
    assert len(lines) == len(series) + 1
    assert lines[0].startswith("scan,minutes,success,message,r_wp,chi2_reduced,scale,scale_stderr")
    cif = (tmp_path / "out" / "refined.cif").read_text()
    assert cif.count("data_") == len(series)
    assert "data_t120min" in cif
    block = xf.load_model(tmp_path / "out" / "refined.cif", block="t120min")
    sites = {s.label: s.occupancy for s in block.phases[0].structure.sites}
    expected = float(series.data["occupancy"].sel(scan="t120min", site="Cu_8c"))
    assert sites["Cu_8c"] == pytest.approx(expected, abs=0.005)
    page = (tmp_path / "out" / "series.html").read_text()
    assert page.count("<img") >= 4
    assert "http://" not in page
    assert "https://" not in page


def test_names_of_files_are_harmless_in_the_page(tmp_path, scans):
    path = tmp_path / "<script>alert(1)</script>\x1b[31m.xy".replace("/", "_")
    path.write_bytes(Path(scans[0]).read_bytes())
    found = xf.fit_series(model(), [str(path), scans[1]], engine="bragg", **CHOICES)
    from xrdfit.report.series_files import page

    assert "<script" not in page(found, {})
    assert "\x1b" not in page(found, {}) + str(found)


def test_rows_keep_every_bit_in_the_journal(series):
    row = series.rows[3]
    assert Row.from_json(json.loads(row.to_json())).same_numbers(row)
    assert pickle.loads(pickle.dumps(row)).same_numbers(row)
    bad = failed("x", "", "why\nnot")
    assert Row.from_json(json.loads(bad.to_json())).message == "why not"


def test_a_fingerprint_sees_every_digit_and_no_name(scans):
    scan = xf.read_pattern(scans[0])
    moved = scan.assign_attrs(file="elsewhere")
    changed = scan.copy(deep=True)
    changed["counts"].values[7] += 1e-9
    assert fingerprint(scan) == fingerprint(moved) != fingerprint(changed)
    assert fingerprint(["ab", "c"]) != fingerprint(["a", "bc"])
    assert fingerprint(1) != fingerprint(1.0) != fingerprint("1.0")


@pytest.mark.parametrize(
    ("choices", "says"),
    [
        ({"mode": "parallel"}, "mode 'parallel' is unknown"),
        ({"share": ["a"]}, "belong to the joint mode"),
        ({"mode": "sequential", "workers": 2}, "leave them out"),
        ({"workers": 2, "scheduler": "tcp://x:1"}, "give one of them"),
        ({"workers": 0}, "workers 0 is out of range"),
        ({"mode": "joint"}, "a joint fit shares something"),
        ({"mode": "joint", "share": ["nothing"]}, "matches nothing that varies"),
        ({"mode": "joint", "law": {"a": "cubic"}}, "allowed are constant"),
        ({"mode": "joint", "law": {"a": "exponential"}}, "at least 4 different values"),
        ({"batch": 0}, "batch 0 is out of range"),
    ],
)
def test_what_cannot_be_is_refused(scans, choices, says):
    with pytest.raises(InputError, match=says):
        xf.fit_series(model(), scans[:2], engine="bragg", **CHOICES, **choices)


def test_clusters_get_the_debye_sum_though_a_name_is_braggs(tmp_path):
    """`mixing` is a parameter of Bragg's law alone; going on with the series takes what its first scan decided."""
    paths = write_scans(tmp_path / "scans", (1, 10, 40), engine="debye")
    options = {k: v for k, v in CHOICES.items() if k != "engine"} | {"output": tmp_path / "out"}
    first = xf.fit_series(model(), paths[:2], **options)
    assert first.data.attrs["engine"] == "debye"
    assert set(first.data["engine"].values.tolist()) == {"debye"}
    assert first.data["success"].all()
    more = xf.fit_series(model(), paths, resume=True, **options)
    assert more.data.attrs["engine"] == "debye"
    np.testing.assert_array_equal(more.data["value"].values[:2], first.data["value"].values)
    assert more.data.attrs["job"] == first.data.attrs["job"]
