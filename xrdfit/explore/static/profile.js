// Shapes and widths of Bragg lines.

const LORENTZ_WINDOW = 150; // half windows in full widths at half maximum, as the package's
const GAUSS_WINDOW = 2.8;

const lorentzShape = u => 1 / (2 * Math.PI * u * u + 0.5 * Math.PI);
const GAUSS_HEIGHT = 2 * Math.sqrt(LN2 / Math.PI);
const gaussShape = u => GAUSS_HEIGHT * Math.exp(-4 * LN2 * u * u);

/** Width and Lorentzian share of the pseudo-Voigt nearest to a Voigt (Thompson, Cox & Hastings, 1987). */
function combineWidths(g, l) {
  const fifth = g * (g * (g * (g * (g + 2.69269 * l) + 2.42843 * l ** 2) + 4.47163 * l ** 3) + 0.07842 * l ** 4) + l ** 5;
  const width = fifth ** 0.2;
  const q = l / width;
  return [width, q * (1.36603 + q * (-0.47719 + q * 0.11116))];
}

/** Gaussian and Lorentzian width, in units of the total, of a pseudo-Voigt: undoes `combineWidths`. */
function splitWidth(mixing) {
  let q = mixing / 1.36603;
  for (let i = 0; i < 60; i++) {
    q -= (q * (1.36603 + q * (-0.47719 + q * 0.11116)) - mixing) / (1.36603 + q * (-0.95438 + q * 0.33348));
  }
  if (q >= 1) return [0, q];
  let g = Math.sqrt(1 - q);
  for (let i = 0; i < 60; i++) {
    const value = g * (g * (g * (g * (g + 2.69269 * q) + 2.42843 * q ** 2) + 4.47163 * q ** 3) + 0.07842 * q ** 4);
    const slope = g * (g * (g * (5 * g + 10.77076 * q) + 7.28529 * q ** 2) + 8.94326 * q ** 3) + 0.07842 * q ** 4;
    g -= (value - (1 - q ** 5)) / slope;
  }
  return [g, q];
}

/** The instrument's squared Gaussian width and its Lorentzian width, degree. */
function instrumentWidths(values, cosine, tangent) {
  const squared = Math.max((values.U * tangent + values.V) * tangent + values.W, 0);
  return [squared, values.X * tangent + values.Y / cosine];
}

/**
 * Axial divergence as a few shifted lines (Finger, Cox & Jephcoat, 1994): positions in radian and weights.
 * Their number follows the line's width, as in the package.
 */
function axialLines(twoTheta, width, sL, hL) {
  const reach = Math.abs(sL) + Math.abs(hL);
  if (reach === 0) return [[twoTheta, 1]];
  const extent = 0.5 * reach ** 2 / Math.max(Math.abs(Math.tan(twoTheta)), 1e-3);
  const ratio = extent / width;
  const count = Math.ceil(Math.min(4 + 3.2 * ratio, 1.8 + 5.5 * ratio, 2000));
  const [x, w] = gaussLegendre(count);
  const flat = Math.abs(Math.abs(hL) - Math.abs(sL)), area = flat + 0.5 * (reach - flat);
  const out = [];
  let sum = 0;
  for (let i = 0; i < count; i++) {
    const v = 0.5 * (1 + x[i]);
    const below = area * (1 - (1 - v) ** 2);
    const height = below < flat ? below : reach - (1 - v) * Math.sqrt(2 * area * (reach - flat));
    const cosine = Math.cos(twoTheta) * Math.sqrt(1 + height * height);
    const low = Math.cos(0.95 * Math.PI), high = Math.cos(0.05 * twoTheta);
    const position = Math.acos(Math.min(Math.max(cosine, low), high));
    const weight = w[i] * (1 - v) / ((1 + height * height) * Math.sin(position));
    out.push([position, weight]);
    sum += weight;
  }
  return out.map(([position, weight]) => [position, weight / sum]);
}

/** Line of equal spheres seen by a perfect instrument; x = q - q_h in 1/Å, of unit area over x. */
function sphereLine(x, diameter) {
  const t2 = (x * diameter) ** 2;
  if (t2 < 0.09) return (0.375 + t2 * (-1 / 48 + t2 * (1 / 1920 - t2 / 134400))) * diameter / Math.PI;
  const t = Math.sqrt(t2);
  return (1.5 + (3 * (1 - Math.cos(t)) / t - 3 * Math.sin(t)) / t) / t2 * diameter / Math.PI;
}

const SPHERE_POINTS = 8192; // of the transform, over 64 mean sizes
const SPHERE_SPAN = 64;

/**
 * Line of a distribution of spheres, broadened by instrument and strain (widths in 1/Å), as a function of x.
 * gamma·V starts as exp(-k r), whose transform is a Lorentzian; the rest falls off quickly and is tabulated.
 */
function broadenedLine(diameter, sigma, gauss, lorentz) {
  const slope = 1.5 / diameter * Math.exp(-2.5 * sigma * sigma);
  const step = SPHERE_SPAN * 1.5 / slope / SPHERE_POINTS;
  const rate = slope + 0.5 * lorentz;
  const even = new Float64Array(2 * SPHERE_POINTS);
  for (let i = 0; i <= SPHERE_POINTS; i++) {
    const r = i * step;
    const gamma = i === 0 ? 1 : sphereGamma(r / diameter, sigma);
    const damping = Math.exp(-0.5 * lorentz * r - gauss * gauss * r * r / (16 * LN2));
    even[i] = gamma * damping - Math.exp(-rate * r);
    if (i > 0 && i < SPHERE_POINTS) even[2 * SPHERE_POINTS - i] = even[i];
  }
  const transform = realTransform(even);
  const count = SPHERE_POINTS / 2;
  const table = i => transform[Math.abs(i)] * step / (2 * Math.PI);
  const perX = SPHERE_POINTS * step / Math.PI;
  return x => {
    const at = Math.abs(x) * perX;
    const base = rate / (Math.PI * (x * x + rate * rate));
    if (at > count - 2) return base;
    const i = Math.floor(at), f = at - i;
    return base + table(i) * (1 - f * f) * (2 - f) / 2 + table(i + 1) * f * (1 + f) * (2 - f) / 2
      - table(i - 1) * f * (1 - f) * (2 - f) / 6 - table(i + 2) * f * (1 - f * f) / 6;
  };
}

/** Real part of the discrete Fourier transform of a real array whose length is a power of two. */
function realTransform(input) {
  const n = input.length;
  const re = new Float64Array(n), im = new Float64Array(n);
  for (let i = 0, j = 0; i < n; i++) {
    re[j] = input[i];
    let bit = n >> 1;
    for (; j & bit; bit >>= 1) j ^= bit;
    j ^= bit;
  }
  for (let half = 1; half < n; half *= 2) {
    for (let k = 0; k < half; k++) {
      const wr = Math.cos(Math.PI * k / half), wi = -Math.sin(Math.PI * k / half);
      for (let i = k; i < n; i += 2 * half) {
        const j = i + half;
        const tr = re[j] * wr - im[j] * wi, ti = re[j] * wi + im[j] * wr;
        re[j] = re[i] - tr;
        im[j] = im[i] - ti;
        re[i] += tr;
        im[i] += ti;
      }
    }
  }
  return re;
}
