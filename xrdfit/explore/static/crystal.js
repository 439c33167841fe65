// Cell, sites and radiation as functions of the parameters' values.

/** The six parameters of the cell: names stand for values, numbers for themselves. */
function cellOf(phase, values) {
  return phase.cell.map(entry => (typeof entry === "string" ? values[phase.prefix + entry] : entry));
}

/** Metric tensor of a cell, row by row. */
function metricOf([a, b, c, alpha, beta, gamma]) {
  const cosine = angle => (angle === 90 ? 0 : Math.cos(angle * RADIAN));
  const ab = a * b * cosine(gamma), ac = a * c * cosine(beta), bc = b * c * cosine(alpha);
  return [a * a, ab, ac, ab, b * b, bc, ac, bc, c * c];
}

/** Inverse and determinant of a symmetric 3 × 3 matrix. */
function inverse3(m) {
  const [a, b, c, , e, f, , , i] = m;
  const A = e * i - f * f, B = c * f - b * i, C = b * f - c * e;
  const determinant = a * A + b * B + c * C;
  const E = a * i - c * c, F = b * c - a * f, I = a * e - b * b;
  return { matrix: [A, B, C, B, E, F, C, F, I].map(x => x / determinant), determinant };
}

/** The three edges of the cell in Cartesian coordinates, Å. */
function edgesOf([a, b, c, alpha, beta, gamma]) {
  const [ca, cb, cg] = [alpha, beta, gamma].map(x => Math.cos(x * RADIAN));
  const sg = Math.sin(gamma * RADIAN);
  const y = (ca - cb * cg) / sg;
  return [[a, 0, 0], [b * cg, b * sg, 0], [c * cb, c * y, c * Math.sqrt(Math.max(0, 1 - cb * cb - y * y))]];
}

/** Fractional coordinates of a site's atoms, three numbers each. */
function atomsOf(phase, site, values) {
  const free = site.free.map(name => values[phase.prefix + name]);
  const xyz = site.free.length
    ? site.offset.map((start, axis) => start + free.reduce((sum, v, k) => sum + site.basis[axis][k] * v, 0))
    : site.xyz;
  const out = new Float64Array(3 * site.rotations.length);
  site.rotations.forEach((r, k) => {
    for (let axis = 0; axis < 3; axis++) {
      out[3 * k + axis] =
        r[3 * axis] * xyz[0] + r[3 * axis + 1] * xyz[1] + r[3 * axis + 2] * xyz[2] + site.translations[k][axis];
    }
  });
  return out;
}

/** What the engines' tables depend on: everything but the occupancies. */
function keyOf(values, optics) {
  return JSON.stringify([Object.entries(values).filter(([name]) => !name.includes("occ_")), optics.key]);
}

const occupancyOf = (phase, site, values) => values[`${phase.prefix}occ_${site.label}`];
const hostOf = (phase, site) => phase.sites[site.host];
const ownB = (phase, site, values) => values[`${phase.prefix}b_${hostOf(phase, site).label}`];
const totalB = (phase, site, values) => values[`${phase.prefix}b_overall`] + ownB(phase, site, values);

/** Elastic scattering factor f0 at s = sin θ/λ, electrons. */
function f0(species, s) {
  let sum = species.c;
  for (let i = 0; i < species.a.length; i++) sum += species.a[i] * Math.exp(-species.b[i] * s * s);
  return sum;
}

/** f′ and f″ of an element at a line of the radiation; nothing where they are switched off. */
function dispersion(ray, element, anomalous) {
  return anomalous ? ray.anomalous[element] : [0, 0];
}

/** Polarization factor of an unpolarized tube with a monochromator at 2θ_M, degree; 2θ in radian. */
function polarization(twoTheta, monochromator) {
  const through = Math.cos(monochromator * RADIAN) ** 2;
  return (1 + through * Math.cos(twoTheta) ** 2) / (1 + through);
}

/** 1 - exp(-2 µt / sin θ) for a film, 1 otherwise. */
function filmFactor(model, values, sine) {
  return model.film ? -Math.expm1(-2 * values.mu_t / sine) : 1;
}
