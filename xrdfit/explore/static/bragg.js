// The Bragg engine: lines, their |F|² and their profiles. A move of an occupancy costs one sum over the lines.

const LAST_SINE = 0.9999;

/** d-spacing, Å, down to which lines count on a grid that ends at `last` degree; tails reach in from beyond. */
function smallestSpacing(volume, wavelength, last) {
  const tails = Math.min(Math.max(160, last + 10), 178);
  const enough = Math.cbrt(3 * 100000 / (4 * Math.PI * volume));
  const inverse = angle => 2 / wavelength * Math.sin(0.5 * angle * RADIAN);
  return Math.min(0.97 / inverse(Math.min(last + 5, 178)), 0.99 / Math.min(inverse(tails), enough));
}

class BraggEngine {
  constructor(model, phase, species) {
    this.model = model;
    this.phase = phase;
    this.species = species;
    this.hkl = unpack(phase.hkl, Int16Array);
    this.multiplicity = unpack(phase.multiplicity, Uint16Array);
    this.equivalents = phase.equivalents ? unpack(phase.equivalents, Int16Array) : null;
    const reference = inverse3(metricOf(phase.reference));
    this.referenceVolume = Math.sqrt(reference.determinant);
    this.referenceD = Float64Array.from(this.multiplicity, (_, i) => 1 / Math.sqrt(this.inverseSquare(i, reference.matrix)));
    this.key = "";
  }

  inverseSquare(line, g, table = this.hkl) {
    const h = table[3 * line], k = table[3 * line + 1], l = table[3 * line + 2];
    return h * h * g[0] + k * k * g[4] + l * l * g[8] + 2 * (k * l * g[5] + h * l * g[2] + h * k * g[1]);
  }

  /** Intensity on the grid, per cell. */
  pattern(values, optics, grid) {
    this.prepare(values, optics, grid);
    const areas = this.areas(values);
    const y = new Float64Array(grid.length);
    for (const { line, first, profile } of this.profiles) {
      const area = areas[line];
      for (let i = 0; i < profile.length; i++) y[first + i] += area * profile[i];
    }
    return y;
  }

  /** Everything that no occupancy moves; done again only when something else moved. */
  prepare(values, optics, grid) {
    const key = keyOf(values, optics);
    if (key === this.key && grid === this.grid) return;
    this.key = key;
    this.grid = grid;
    this.local = name => values[this.phase.prefix + name];
    const metric = inverse3(metricOf(cellOf(this.phase, values)));
    this.volume = Math.sqrt(metric.determinant);
    const shortest = Math.min(...optics.rays.map(ray => ray.wavelength));
    const dMin = smallestSpacing(this.referenceVolume, shortest, grid[grid.length - 1]);
    let n = this.referenceD.length;
    while (n > 0 && this.referenceD[n - 1] < dMin) n--;
    this.n = n;
    this.s = Float64Array.from({ length: n }, (_, i) => 0.5 * Math.sqrt(this.inverseSquare(i, metric.matrix)));
    this.march = this.phase.march_axis ? this.marchFactors(metric.matrix) : null;
    this.theta = [];
    this.factor = [];
    optics.rays.forEach(ray => {
      this.theta.push(this.s.map(s => Math.asin(Math.min(ray.wavelength * s, LAST_SINE))));
      this.factor.push(this.s.map((s, i) => this.lineFactor(i, ray, values)));
    });
    this.bindAmplitudes(values, optics);
    this.profiles = this.phase.shape === "sphere" ? this.sphereProfiles(values, optics, grid) : this.peakProfiles(values, optics, grid);
  }

  lineFactor(i, ray, values) {
    const sine = ray.wavelength * this.s[i];
    if (sine > LAST_SINE) return 0;
    const theta = Math.asin(sine);
    const strength = ray.weight * ray.wavelength ** 3 / (RADIAN * 16 * Math.PI * this.volume);
    const lp = polarization(2 * theta, this.model.monochromator_deg) / (sine * sine * Math.cos(theta));
    const slits = this.model.slits === "automatic" ? sine : 1;
    const march = this.march ? this.march[i] : 1;
    return strength * this.multiplicity[i] * lp * slits * march * filmFactor(this.model, values, sine);
  }

  /** March–Dollase factor of each line: the mean over its equivalents. */
  marchFactors(g) {
    const [x, y, z] = this.phase.march_axis;
    const axis = [0, 3, 6].map(r => g[r] * x + g[r + 1] * y + g[r + 2] * z);
    const along = x * axis[0] + y * axis[1] + z * axis[2];
    const r = this.local("march_r");
    let row = 0;
    return Float64Array.from({ length: this.n }, (_, i) => {
      let sum = 0;
      for (let k = 0; k < this.multiplicity[i]; k++, row++) {
        const [h, q, l] = this.equivalents.subarray(3 * row, 3 * row + 3);
        const c2 = (h * axis[0] + q * axis[1] + l * axis[2]) ** 2 / (this.inverseSquare(row, g, this.equivalents) * along);
        sum += (r * r * c2 + (1 - c2) / r) ** -1.5;
      }
      return sum / this.multiplicity[i];
    });
  }

  /** T·A = T·(C + iS) of each site and line, and f of each ray. */
  bindAmplitudes(values, optics) {
    const { phase, n, s } = this;
    const geometry = JSON.stringify([n, phase.sites.map(site => site.free.map(name => values[phase.prefix + name]))]);
    if (geometry !== this.geometry) {
      this.geometry = geometry;
      this.waves = phase.sites.map((site, j) => (site.host < j ? null : this.sumWaves(atomsOf(phase, site, values))));
      phase.sites.forEach((site, j) => (this.waves[j] ??= this.waves[site.host]));
    }
    this.real = phase.sites.map((site, j) => {
      const b = totalB(phase, site, values);
      return this.waves[j].cosine.map((c, i) => c * Math.exp(-b * s[i] * s[i]));
    });
    this.imaginary = phase.sites.map((site, j) => {
      const b = totalB(phase, site, values);
      return this.waves[j].sine.map((c, i) => c * Math.exp(-b * s[i] * s[i]));
    });
    const bare = phase.sites.map(site => s.map(x => f0(this.species[site.species], x)));
    this.form = optics.rays.map(ray => phase.sites.map((site, j) => {
      const [first, second] = dispersion(ray, site.element, optics.anomalous);
      return { real: bare[j].map(f => f + first), imaginary: second };
    }));
  }

  sumWaves(atoms) {
    const cosine = new Float64Array(this.n), sine = new Float64Array(this.n);
    for (let i = 0; i < this.n; i++) {
      const h = 2 * Math.PI * this.hkl[3 * i], k = 2 * Math.PI * this.hkl[3 * i + 1], l = 2 * Math.PI * this.hkl[3 * i + 2];
      for (let a = 0; a < atoms.length; a += 3) {
        const phase = h * atoms[a] + k * atoms[a + 1] + l * atoms[a + 2];
        cosine[i] += Math.cos(phase);
        sine[i] += Math.sin(phase);
      }
    }
    return { cosine, sine };
  }

  /** Area of every line of every ray: |P|² + |Q|² is the mean of |F(h)|² and |F(-h)|². */
  areas(values) {
    const { n, phase } = this;
    const occupancy = phase.sites.map(site => occupancyOf(phase, site, values));
    const out = new Float64Array(n * this.form.length);
    this.form.forEach((form, ray) => {
      for (let i = 0; i < n; i++) {
        let pr = 0, pi = 0, qr = 0, qi = 0;
        for (let j = 0; j < occupancy.length; j++) {
          const c = occupancy[j] * this.real[j][i], s = occupancy[j] * this.imaginary[j][i];
          pr += c * form[j].real[i];
          pi += c * form[j].imaginary;
          qr += s * form[j].real[i];
          qi += s * form[j].imaginary;
        }
        out[ray * n + i] = this.factor[ray][i] * (pr * pr + pi * pi + qr * qr + qi * qi);
      }
    });
    return out;
  }

  /** Where a line at 2θ (radian) is seen, degree. */
  seen(twoTheta, values) {
    const tilt = -2 * values.displacement_mm / this.model.radius_mm * Math.cos(0.5 * twoTheta);
    return (twoTheta + tilt) / RADIAN + values.zero_deg;
  }

  /** Parts of every line: one for each size and each axial sub-line. */
  parts(values, optics, grid) {
    const [gaussShare, lorentzShare] = splitWidth(this.local("mixing") ?? 0.5);
    const sizes = sizeNodes(this.local("size_nm"), this.local("size_sigma"), this.model.hermite);
    const parts = [];
    optics.rays.forEach((ray, r) => {
      for (let i = 0; i < this.n; i++) {
        if (ray.wavelength * this.s[i] > LAST_SINE) continue;
        const theta = this.theta[r][i], cosine = Math.cos(theta), tangent = Math.tan(theta);
        const [squared, lorentz] = instrumentWidths(values, cosine, tangent);
        for (const [size, share] of sizes) {
          const scherrer = this.phase.scherrer_k * ray.wavelength / (10 * size * cosine);
          const sample = (scherrer + 4 * this.local("microstrain") * tangent) / RADIAN;
          const [fwhm, eta] = combineWidths(Math.sqrt((gaussShare * sample) ** 2 + squared), lorentzShare * sample + lorentz);
          for (const [angle, weight] of axialLines(2 * theta, fwhm * RADIAN, values.S_L, values.H_L)) {
            const position = this.seen(angle, values), half = LORENTZ_WINDOW * fwhm;
            if (position + half < grid[0] || position - half > grid[grid.length - 1]) continue;
            parts.push({ line: r * this.n + i, position, fwhm, lorentz: share * weight * eta, gauss: share * weight * (1 - eta) });
          }
        }
      }
    });
    return parts;
  }

  peakProfiles(values, optics, grid) {
    const parts = this.parts(values, optics, grid);
    const rows = new Map();
    for (const [kind, window, shape] of [["lorentz", LORENTZ_WINDOW, lorentzShape], ["gauss", GAUSS_WINDOW, gaussShape]]) {
      const spans = parts.map(part => {
        const half = window * part.fwhm;
        return [bound(grid, part.position - half), bound(grid, part.position + half, true)];
      });
      const length = spans.reduce((longest, [first, last]) => Math.max(longest, last - first), 0);
      parts.forEach((part, p) => {
        const [first, last] = spans[p];
        if (last <= first || part[kind] === 0) return;
        const start = Math.min(first, grid.length - length), height = part[kind] / part.fwhm;
        const row = widened(rows, part.line, start, length);
        const inverse = 1 / part.fwhm, offset = start - row.first;
        for (let i = 0; i < length; i++) {
          row.profile[offset + i] += height * shape((grid[start + i] - part.position) * inverse);
        }
      });
    }
    return [...rows.values()];
  }

  /** Lines of spheres, taken at the grid's own q: the transform of gamma as line shape. */
  sphereProfiles(values, optics, grid) {
    const diameter = 10 * this.local("size_nm"), sigma = Math.abs(this.local("size_sigma"));
    const half = grid.map(x => 0.5 * x * RADIAN);
    const out = [];
    let shared = null;
    optics.rays.forEach((ray, r) => {
      const perAngle = 2 * Math.PI / ray.wavelength * RADIAN;
      for (let i = 0; i < this.n; i++) {
        if (ray.wavelength * this.s[i] > LAST_SINE) continue;
        const theta = this.theta[r][i], cosine = Math.cos(theta);
        const [squared, lorentz] = instrumentWidths(values, cosine, Math.tan(theta));
        const strain = 8 * Math.PI * this.local("microstrain") / ray.wavelength * Math.sin(theta); // 2 ε q
        const gauss = Math.sqrt(squared * (perAngle * cosine) ** 2 + strain * strain), wide = lorentz * perAngle * cosine;
        let shape;
        if (gauss === 0 && wide === 0) shape = shared ??= sigma === 0 ? x => sphereLine(x, diameter) : broadenedLine(diameter, sigma, 0, 0);
        else shape = broadenedLine(diameter, sigma, gauss, wide);
        const profile = new Float32Array(grid.length);
        for (const [angle, weight] of axialLines(2 * theta, 1.107 * ray.wavelength / (diameter * cosine), values.S_L, values.H_L)) {
          const centre = Math.sin(0.5 * this.seen(angle, values) * RADIAN);
          for (let k = 0; k < grid.length; k++) {
            const x = 4 * Math.PI / ray.wavelength * (Math.sin(half[k]) - centre);
            profile[k] += weight * shape(x) * perAngle * Math.cos(half[k]);
          }
        }
        out.push({ line: r * this.n + i, first: 0, profile });
      }
    });
    return out;
  }

  /** Lines that the strongest ray shows on the grid: where, how strong, which. */
  ticks(values, optics, grid) {
    this.prepare(values, optics, grid);
    const areas = this.areas(values);
    const strongest = optics.rays.reduce((best, ray, r) => (ray.weight > optics.rays[best].weight ? r : best), 0);
    const out = [];
    for (let i = 0; i < this.n; i++) {
      const at = this.seen(2 * this.theta[strongest][i], values);
      if (this.factor[strongest][i] > 0 && at >= grid[0] && at <= grid[grid.length - 1]) {
        out.push({ line: i, at, area: areas[strongest * this.n + i], hkl: this.indices(i) });
      }
    }
    return out;
  }

  indices(line) {
    return Array.from(this.hkl.subarray(3 * line, 3 * line + 3));
  }

  /** Each site's share o f T A of the structure factor of a line, as complex numbers (strongest ray). */
  contributions(line, values, optics) {
    const ray = optics.rays.reduce((best, r, k) => (r.weight > optics.rays[best].weight ? k : best), 0);
    return this.phase.sites.map((site, j) => {
      const o = occupancyOf(this.phase, site, values);
      const form = this.form[ray][j], c = o * this.real[j][line], s = o * this.imaginary[j][line];
      return { site, re: form.real[line] * c - form.imaginary * s, im: form.real[line] * s + form.imaginary * c };
    });
  }
}

/** The row of a line, made or widened so that it covers a stretch of the grid. */
function widened(rows, line, start, length) {
  const old = rows.get(line);
  if (old && old.first <= start && old.first + old.profile.length >= start + length) return old;
  const first = old ? Math.min(old.first, start) : start;
  const last = old ? Math.max(old.first + old.profile.length, start + length) : start + length;
  const profile = new Float32Array(last - first);
  if (old) profile.set(old.profile, old.first - first);
  const row = { line, first, profile };
  rows.set(line, row);
  return row;
}
