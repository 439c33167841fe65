// The Debye engine: the pattern as oᵀ Q o + L·o, with Q from the distances between the sites' atoms.

const NODE_OVERSAMPLING = 4; // nodes in u per π/ρ_max
const PHASE_STEP = 0.6; // u_max times the distance between nodes in ρ
const LEAST_STEPS = 120;
const BINS_PER_NODE = 128;
const FORM_REACH = 4; // Å
const REACH_STEP = 1.1; // tables are made for steps of these sizes, so that a slider meets the same table again
const CELL_STEP = 1.04;
const MANY_PAIRS = 2.5e7; // distances counted at most: a tenth of a second or two
const ANGLE_MARGIN = 1.5;

class DebyeEngine {
  constructor(model, phase, species) {
    this.model = model;
    this.phase = phase;
    this.species = species;
    this.referenceVolume = Math.sqrt(inverse3(metricOf(phase.reference)).determinant);
    const order = phase.sites.map((_, s) => s).sort((s, t) => phase.sites[t].multiplicity - phase.sites[s].multiplicity);
    this.pairs = order.flatMap((s, i) => order.slice(i).map(t => [s, t]));
    this.key = this.countKey = "";
  }

  /** Largest diameter, nm, for which the page counts distances. */
  get limit() {
    const perVolume = this.pairs.reduce((sum, [, t]) => sum + this.phase.sites[t].multiplicity, 0) / this.referenceVolume;
    return Math.min(50, 0.1 * Math.cbrt(MANY_PAIRS / perVolume * 3 / (4 * Math.PI)));
  }

  /** Whether the engine can serve these values. */
  serves(values) {
    const reach = gammaSupport(values[`${this.phase.prefix}size_sigma`]);
    return values[`${this.phase.prefix}size_nm`] * reach <= this.limit;
  }

  /** Intensity on the grid, per cell. */
  pattern(values, optics, grid) {
    this.prepare(values, optics, grid);
    const { phase, u } = this;
    const occupancy = phase.sites.map(site => occupancyOf(phase, site, values));
    const y = new Float64Array(grid.length), nodes = new Float64Array(u.length);
    this.tables.forEach(({ alone, pairs, first, weights }) => {
      nodes.fill(0);
      alone.forEach((curve, j) => addScaled(nodes, curve, occupancy[j]));
      pairs.forEach((curve, p) => {
        const [s, t] = this.pairs[p];
        addScaled(nodes, curve, occupancy[s] * occupancy[t]);
      });
      for (let i = 0; i < y.length; i++) {
        for (let k = 0; k < ORDER; k++) y[i] += weights[ORDER * i + k] * nodes[first[i] + k];
      }
    });
    for (let i = 0; i < y.length; i++) y[i] *= this.factor[i];
    return this.blur ? this.blur(y) : y;
  }

  /** Whether only occupancies have moved since the tables were made. */
  ready(values, optics, grid) {
    return grid === this.grid && keyOf(values, optics) === this.key;
  }

  prepare(values, optics, grid) {
    if (this.ready(values, optics, grid)) return;
    this.key = keyOf(values, optics);
    this.grid = grid;
    this.local = name => values[this.phase.prefix + name];
    const cell = cellOf(this.phase, values), a = cell[0];
    const trueAngles = grid.map(x => trueAngle(x, values, this.model.radius_mm));
    this.makeNodes(a, values, optics, grid);
    this.count(cell, values);
    const sums = this.pairSums(a);
    this.tables = optics.rays.map(ray => this.rayTables(ray, sums, a, values, optics, trueAngles));
    this.factor = trueAngles.map(x => this.observed(x, values));
    this.blur = blurOf(grid, values);
  }

  observed(angle, values) {
    const sine = Math.sin(0.5 * angle * RADIAN);
    const slits = this.model.slits === "automatic" ? sine : 1;
    return polarization(angle * RADIAN, this.model.monochromator_deg) * slits * filmFactor(this.model, values, sine);
  }

  /** Grids of ρ = r/a and u = q·a. */
  makeNodes(a, values, optics, grid) {
    const reference = this.phase.reference[0];
    const reach = 10 * this.local("size_nm") * gammaSupport(this.local("size_sigma")) / a;
    const rhoMax = REACH_STEP ** Math.ceil(Math.log(reach) / Math.log(REACH_STEP) - 1e-9);
    const middle = reference * CELL_STEP ** Math.round(Math.log(a / reference) / Math.log(CELL_STEP));
    const shift = Math.abs(values.zero_deg) + 2 * Math.abs(values.displacement_mm) / this.model.radius_mm / RADIAN;
    const margin = ANGLE_MARGIN * Math.max(1, Math.ceil(shift / ANGLE_MARGIN));
    const wavelengths = optics.rays.map(ray => ray.wavelength);
    const q = (angle, wavelength) => 4 * Math.PI * Math.sin(0.5 * Math.min(Math.max(angle, 0), 180) * RADIAN) / wavelength;
    const uMin = q(grid[0] - margin, Math.max(...wavelengths)) * middle / CELL_STEP ** 0.51;
    const uMax = q(grid[grid.length - 1] + margin, Math.min(...wavelengths)) * middle * CELL_STEP ** 0.51;
    this.rhoMax = rhoMax;
    this.rhoStep = Math.min(PHASE_STEP / uMax, rhoMax / LEAST_STEPS);
    this.rhoCount = Math.ceil(rhoMax / this.rhoStep) + ORDER / 2 + 1;
    const uStep = Math.PI / (NODE_OVERSAMPLING * (rhoMax + FORM_REACH / middle));
    this.uStep = uStep;
    this.u = Float64Array.from({ length: Math.ceil((uMax - uMin) / uStep) + ORDER }, (_, i) => uMin + uStep * (i - (ORDER / 2 - 1)));
  }

  /** Count the distances of every pair of sites and move the counts onto the nodes in ρ. */
  count(cell, values) {
    const { phase, pairs, rhoCount, rhoStep, rhoMax } = this;
    const metric = metricOf(cell).map(x => x / (cell[0] * cell[0]));
    const atoms = phase.sites.map(site => atomsOf(phase, site, values));
    const shape = phase.cell_names.length === 1 ? 0 : metric;
    const key = JSON.stringify([rhoMax, rhoStep, shape, phase.sites.map(site => site.free.map(n => values[phase.prefix + n]))]);
    if (key === this.countKey) return;
    this.countKey = key;
    this.counts = pairs.map(() => new Float64Array(rhoCount));
    const width = rhoStep / BINS_PER_NODE, bins = Math.floor(rhoMax / width) + 2;
    const number = new Float64Array(bins), total = new Float64Array(bins), weights = new Float64Array(ORDER);
    pairs.forEach(([s, t], p) => {
      number.fill(0);
      total.fill(0);
      countNeighbours(metric, atoms[s], atoms[t], rhoMax, width, number, total);
      const near = phase.sites[s].cation && phase.sites[t].cation ? phase.min_distance / phase.reference[0] : 0;
      for (let b = 0; b < bins; b++) {
        if (number[b] === 0) continue;
        const rho = total[b] / number[b];
        if (rho < near) continue;
        const first = stencil(rho / rhoStep - 0.5, rhoCount, weights, 0);
        const pairsHere = number[b] * phase.sites[s].multiplicity;
        for (let k = 0; k < ORDER; k++) this.counts[p][first + k] += pairsHere * weights[k];
      }
    });
  }

  /** Σ n γ sin(uρ)/(uρ) at the nodes in u for every pair of sites. */
  pairSums(a) {
    const { u, rhoCount, rhoStep, counts } = this;
    const diameter = 10 * this.local("size_nm") / a, sigma = this.local("size_sigma"), strain = this.local("microstrain");
    const gamma = Float64Array.from({ length: rhoCount }, (_, k) => sphereGamma((k + 0.5) * rhoStep / diameter, sigma));
    let last = rhoCount;
    while (last > 0 && gamma[last - 1] === 0) last--;
    const weighted = counts.map(count => count.subarray(0, last).map((n, k) => n * gamma[k] / ((k + 0.5) * rhoStep)));
    const sums = counts.map(() => new Float64Array(u.length));
    const sine = new Float64Array(last);
    for (let i = 0; i < u.length; i++) {
      if (u[i] === 0) {
        weighted.forEach((w, p) => (sums[p][i] = w.reduce((sum, x, k) => sum + x * (k + 0.5) * rhoStep, 0)));
        continue;
      }
      // sin of equally spaced phases by rotation
      const turn = u[i] * rhoStep, c = Math.cos(turn), s = Math.sin(turn);
      let re = Math.cos(0.5 * turn), im = Math.sin(0.5 * turn);
      for (let k = 0; k < last; k++) {
        sine[k] = im;
        const next = im * c + re * s;
        re = re * c - im * s;
        im = next;
      }
      if (strain > 0) {
        for (let k = 0; k < last; k++) sine[k] *= Math.exp(-((u[i] * (k + 0.5) * rhoStep * strain) ** 2) / (4 * LN2));
      }
      for (let p = 0; p < weighted.length; p++) {
        const w = weighted[p];
        let sum = 0;
        for (let k = 0; k < last; k++) sum += w[k] * sine[k];
        sums[p][i] = sum / u[i];
      }
    }
    return sums;
  }

  /** Coefficients of o_s and o_s·o_t at the nodes for one line of the radiation, and how they get onto the grid. */
  rayTables(ray, sums, a, values, optics, trueAngles) {
    const { phase, u, uStep } = this;
    const s = u.map(x => Math.abs(x) / (4 * Math.PI * a));
    const forms = phase.sites.map(site => {
      const [first, second] = dispersion(ray, site.element, optics.anomalous);
      return { real: s.map(x => f0(this.species[site.species], x) + first), imaginary: second };
    });
    const damping = phase.sites.map(site => {
      const b = totalB(phase, site, values);
      return s.map(x => Math.exp(-b * x * x));
    });
    const alone = phase.sites.map((site, j) => forms[j].real.map(f => site.multiplicity * (f * f + forms[j].imaginary ** 2)));
    const pairs = this.pairs.map(([j, k], p) => {
      const twice = j === k ? 1 : 2, second = forms[j].imaginary * forms[k].imaginary;
      return sums[p].map((g, i) => twice * g * damping[j][i] * damping[k][i] * (forms[j].real[i] * forms[k].real[i] + second));
    });
    const first = new Int32Array(trueAngles.length), weights = new Float64Array(ORDER * trueAngles.length);
    trueAngles.forEach((angle, i) => {
      const at = 4 * Math.PI * a / ray.wavelength * Math.sin(0.5 * angle * RADIAN);
      first[i] = stencil((at - u[0]) / uStep, u.length, weights, ORDER * i);
      for (let k = 0; k < ORDER; k++) weights[ORDER * i + k] *= ray.weight;
    });
    return { alone, pairs, first, weights };
  }
}

function addScaled(sum, curve, factor) {
  if (factor === 0) return;
  for (let i = 0; i < sum.length; i++) sum[i] += factor * curve[i];
}

/** Gather the distances from the first atom of s to all atoms of t in bins: how many, and their sum. */
function countNeighbours(g, from, to, reach, width, number, total) {
  const inverse = inverse3(g).matrix;
  const extent = [0, 4, 8].map(i => reach * Math.sqrt(inverse[i]));
  const limit = reach * reach, perWidth = 1 / width;
  for (let atom = 0; atom < to.length; atom += 3) {
    const start = [0, 1, 2].map(i => to[atom + i] - from[i]);
    const low = start.map((x, i) => Math.ceil(-extent[i] - x)), high = start.map((x, i) => Math.floor(extent[i] - x));
    for (let i = low[0]; i <= high[0]; i++) {
      const x = start[0] + i;
      for (let j = low[1]; j <= high[1]; j++) {
        const y = start[1] + j;
        const plane = g[0] * x * x + g[4] * y * y + 2 * g[1] * x * y;
        const slant = 2 * (g[2] * x + g[5] * y);
        for (let k = low[2]; k <= high[2]; k++) {
          const z = start[2] + k;
          const square = plane + z * (slant + g[8] * z);
          if (square > limit || square < 1e-10) continue;
          const distance = Math.sqrt(square), bin = Math.floor(distance * perWidth);
          number[bin] += 1;
          total[bin] += distance;
        }
      }
    }
  }
}

/** The angle, degree, that is observed at `angle`: zero shift and displacement of a flat specimen undone. */
function trueAngle(angle, values, radius) {
  const ratio = values.displacement_mm / radius, start = angle - values.zero_deg;
  let out = start;
  if (ratio) for (let i = 0; i < 6; i++) out = start + 2 * ratio * Math.cos(0.5 * out * RADIAN) / RADIAN;
  return out;
}

/** Broadening by the instrument, or null for a perfect one: y_i + Σ_j V(2θ_i - 2θ_j)(y_j - y_i) Δ2θ_j. */
function blurOf(grid, values) {
  if (!(values.U || values.V || values.W || values.X || values.Y) || grid.length < 2) return null;
  const widths = Array.from(grid, x => {
    const half = 0.5 * x * RADIAN;
    const [squared, lorentz] = instrumentWidths(values, Math.cos(half), Math.tan(half));
    return [Math.sqrt(squared), Math.max(lorentz, 0)];
  });
  let reach = Math.max(...widths.map(([g, l]) => 2.5 * g + 30 * l));
  reach = reach > 0 ? 2 ** (0.5 * Math.ceil(2 * Math.log2(reach))) : 0;
  const n = grid.length;
  const step = Float64Array.from(grid, (x, i) => gridStep(grid, i));
  const rows = widths.map(([gauss, lorentz], i) => {
    const first = bound(grid, grid[i] - reach), last = bound(grid, grid[i] + reach, true);
    const row = new Float64Array(last - first);
    for (let j = first; j < last; j++) {
      if (j !== i) row[j - first] = voigt(grid[i] - grid[j], gauss / (2 * Math.sqrt(2 * LN2)), 0.5 * lorentz) * step[j];
    }
    return { first, row };
  });
  return y => {
    const out = new Float64Array(n);
    rows.forEach(({ first, row }, i) => {
      let sum = y[i];
      for (let k = 0; k < row.length; k++) sum += row[k] * (y[first + k] - y[i]);
      out[i] = sum;
    });
    return out;
  };
}

/** Distance that belongs to a point of the grid: the derivative by the index, second order for unequal steps. */
function gridStep(grid, i) {
  const n = grid.length;
  if (i === 0) return grid[1] - grid[0];
  if (i === n - 1) return grid[n - 1] - grid[n - 2];
  return 0.5 * (grid[i + 1] - grid[i - 1]);
}
