"""Write the table of first commands of docs/measured-scans.md.

    PYTHONPATH=tests python docs/scripts/first_shot.py FOLDER

FOLDER holds the measured scans. The table goes to standard output, in Markdown.
"""

from __future__ import annotations

import sys
import warnings
from pathlib import Path

from lab_scans import SCANS, best, fit, with_atoms

if __name__ == "__main__":
    folder = Path(sys.argv[1])
    warnings.simplefilter("ignore")
    print("| scan | R_wp before | first command | widths, B, strain | atoms too | cell found | known |")
    print("|---|---|---|---|---|---|---|")
    for scan in SCANS:
        runs = [fit(folder, scan, usual=False), fit(folder, scan), best(folder, scan), with_atoms(folder, scan)]
        shares = " | ".join(f"{100 * run.statistics.r_wp:.2f} %" for run in runs)
        row = runs[1][scan.cell]
        print(f"| {scan.name} | {shares} | {scan.cell} = {row.value:.5f} Å | {scan.known:g} Å |")
