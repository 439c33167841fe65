"""Models that use what the presets do not: for the page's own engines."""

from __future__ import annotations

SPHERES = """
schema = 1
name = "spheres"
[instrument]
radiation = "co-ka"
W = 0.02
X = 0.05
S_L = 0.02
H_L = 0.03
displacement_mm = 0.1
radius_mm = 200.0
[[phase]]
name = "cdse"
space_group = "F-43m"
cell = { a = 6.077 }
size_nm = 3.0
size_sigma = 0.12
microstrain = 0.004
shape = "sphere"
[[phase.site]]
species = "Cd"
wyckoff = "4a"
xyz = [0, 0, 0]
b_iso = 1.2
[[phase.site]]
species = "Se"
wyckoff = "4c"
xyz = [0.25, 0.25, 0.25]
b_iso = 0.8
"""

FILM = """
schema = 1
name = "film"
[instrument]
radiation = 0.9
film = true
mu_t = 0.3
slits = "automatic"
monochromator_deg = 26.6
zero_deg = 0.05
[[phase]]
name = "rutile"
space_group = "P42/mnm"
cell = { a = 4.594, c = 2.959 }
size_nm = 5.0
size_sigma = 0.2
march_axis = [0, 0, 1]
march_r = 0.7
min_distance = 3.0
[[phase.site]]
species = "Ti4+"
wyckoff = "2a"
xyz = [0, 0, 0]
occupancy = 0.9
[[phase.site]]
species = "O"
wyckoff = "4f"
xyz = [0.305, 0.305, 0]
"""

TWO_PHASES = """
schema = 1
name = "two"
ties = ["spinel__b_Al_16d = 0.5 * spinel__b_O_32e + 0.1"]
[[phase]]
name = "spinel"
space_group = "Fd-3m:2"
cell = { a = 8.08 }
size_nm = 4.0
[[phase.site]]
species = "Mg"
wyckoff = "8a"
xyz = [0.125, 0.125, 0.125]
occupancy = 0.7
[[phase.site]]
species = "Al"
wyckoff = "8a"
xyz = [0.125, 0.125, 0.125]
occupancy = 0.2
[[phase.site]]
species = "Al"
wyckoff = "16d"
xyz = [0.5, 0.5, 0.5]
[[phase.site]]
species = "O"
wyckoff = "32e"
xyz = [0.2624, 0.2624, 0.2624]
[[phase]]
name = "clusters"
space_group = "Fm-3m"
engine = "debye"
cell = { a = 4.21 }
size_nm = 2.5
[[phase.site]]
species = "Mg"
wyckoff = "4a"
xyz = [0, 0, 0]
[[phase.site]]
species = "O"
wyckoff = "4b"
xyz = [0.5, 0.5, 0.5]
"""

MONOCLINIC = """
schema = 1
name = "monoclinic"
[[phase]]
name = "zirconia"
space_group = "P21/c"
cell = { a = 5.15, b = 5.21, c = 5.32, beta = 99.2 }
size_nm = 6.0
[[phase.site]]
species = "Zr"
xyz = [0.275, 0.04, 0.208]
[[phase.site]]
species = "O"
xyz = [0.07, 0.33, 0.345]
[[phase.site]]
species = "O"
xyz = [0.45, 0.757, 0.479]
occupancy = 0.9
"""

ALL = {"spheres": SPHERES, "film": FILM, "two": TWO_PHASES, "monoclinic": MONOCLINIC}
