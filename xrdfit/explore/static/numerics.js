// Special functions, interpolation and bytes. Everything here is a pure function.

const RADIAN = Math.PI / 180;
const LN2 = Math.log(2);

/** Numbers from base64 of little-endian bytes. */
function unpack(text, Type) {
  const bytes = Uint8Array.from(atob(text), c => c.charCodeAt(0));
  return new Type(bytes.buffer);
}

/** First index whose value is not below x (or, with `after`, is above x) in an ascending array. */
function bound(array, x, after = false) {
  let low = 0, high = array.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (array[middle] < x || (after && array[middle] === x)) low = middle + 1;
    else high = middle;
  }
  return low;
}

// Faddeeva's function w(z) = exp(-z²) erfc(-iz) for Im z ≥ 0: J. A. C. Weideman, SIAM J. Numer. Anal. 31, 1497 (1994).
const FADDEEVA_TERMS = 48;
const FADDEEVA_SCALE = Math.sqrt(FADDEEVA_TERMS / Math.SQRT2);
const FADDEEVA = (() => {
  const m = 2 * FADDEEVA_TERMS;
  const out = new Float64Array(FADDEEVA_TERMS);
  for (let k = 1 - m; k < m; k++) {
    const angle = k * Math.PI / m;
    const t = FADDEEVA_SCALE * Math.tan(angle / 2);
    const f = Math.exp(-t * t) * (FADDEEVA_SCALE ** 2 + t * t);
    for (let n = 0; n < FADDEEVA_TERMS; n++) out[n] += f * Math.cos((n + 1) * angle) / (2 * m);
  }
  return out;
})();

/** Real part of w(x + iy), y ≥ 0. */
function faddeeva(x, y) {
  const re = FADDEEVA_SCALE + y, im = -x; // L - iz
  const size = re * re + im * im;
  const zr = ((FADDEEVA_SCALE - y) * re + x * im) / size; // Z = (L + iz)/(L - iz)
  const zi = (x * re - (FADDEEVA_SCALE - y) * im) / size;
  let pr = 0, pi = 0;
  for (let n = FADDEEVA_TERMS - 1; n >= 0; n--) {
    const next = pr * zr - pi * zi + FADDEEVA[n];
    pi = pr * zi + pi * zr;
    pr = next;
  }
  const sr = re * re - im * im, si = 2 * re * im;
  return 2 * (pr * sr + pi * si) / (size * size) + re / (size * Math.sqrt(Math.PI));
}

/** Voigt function of unit area: Gaussian of standard deviation sigma, Lorentzian of half width gamma. */
function voigt(x, sigma, gamma) {
  if (sigma === 0) return gamma === 0 ? 0 : gamma / (Math.PI * (x * x + gamma * gamma));
  const scale = sigma * Math.SQRT2;
  if (gamma === 0) return Math.exp(-((x / scale) ** 2)) / (scale * Math.sqrt(Math.PI));
  return faddeeva(x / scale, gamma / scale) / (scale * Math.sqrt(Math.PI));
}

/** Cumulative normal distribution. */
function normalBelow(z) {
  const x = Math.abs(z) / Math.SQRT2;
  const tail = 0.5 * Math.exp(-x * x) * faddeeva(0, x);
  return z > 0 ? 1 - tail : tail;
}

/** Characteristic function of a sphere, or of a lognormal distribution of spheres weighted by volume; x = r/D. */
function sphereGamma(x, sigma) {
  if (sigma < 1e-4) return x >= 1 ? 0 : 1 - 1.5 * x + 0.5 * x * x * x;
  const moment = k =>
    Math.exp(0.5 * (k * k - 9) * sigma * sigma) * normalBelow(k * sigma - Math.log(x) / sigma);
  return moment(3) - 1.5 * x * moment(2) + 0.5 * x * x * x * moment(0);
}

/** Distance, in units of D, beyond which gamma is below 1e-6. */
function gammaSupport(sigma) {
  if (sigma < 1e-4) return 1;
  const last = 3 * sigma * sigma + 5 * sigma;
  for (let i = 0; i < 400; i++) {
    const reach = Math.exp(last * i / 399);
    if (sphereGamma(reach, sigma) <= 1e-6) return reach;
  }
  return Math.exp(last);
}

/** Sizes and weights that stand for a volume-weighted lognormal distribution. */
function sizeNodes(median, sigma, hermite) {
  if (sigma === 0) return [[median, 1]];
  return hermite.z.map((z, i) => [median * Math.exp(3 * sigma * sigma + sigma * z), hermite.weights[i]]);
}

/** Nodes and weights of Gauss-Legendre integration on (-1, 1). */
const gaussLegendre = (() => {
  const known = new Map();
  return n => {
    if (known.has(n)) return known.get(n);
    const x = new Float64Array(n), w = new Float64Array(n);
    for (let i = 0; i < n; i++) {
      let t = -Math.cos(Math.PI * (i + 0.75) / (n + 0.5)), slope = 1;
      for (let step = 0; step < 60; step++) {
        let before = 1, here = t;
        for (let k = 2; k <= n; k++) [before, here] = [here, ((2 * k - 1) * t * here - (k - 1) * before) / k];
        if (n === 1) [before, here] = [1, t];
        slope = n * (t * here - before) / (t * t - 1);
        const shift = here / slope;
        t -= shift;
        if (Math.abs(shift) < 1e-15) break;
      }
      x[i] = t;
      w[i] = 2 / ((1 - t * t) * slope * slope);
    }
    known.set(n, [x, w]);
    return [x, w];
  };
})();

// Interpolation by polynomials through ten nodes.
const ORDER = 10;
const LAGRANGE_BOTTOM = Float64Array.from({ length: ORDER }, (_, i) => {
  let product = 1;
  for (let j = 0; j < ORDER; j++) if (j !== i) product *= i - j;
  return product;
});

/** Weights of the nodes around a position (in node distances); writes ten of them and returns the first node. */
function stencil(position, nodes, out, at) {
  const first = Math.min(Math.max(Math.floor(position) - (ORDER / 2 - 1), 0), nodes - ORDER);
  const t = position - first;
  let left = 1;
  for (let i = 0; i < ORDER; i++) {
    out[at + i] = left / LAGRANGE_BOTTOM[i];
    left *= t - i;
  }
  let right = 1;
  for (let i = ORDER - 1; i >= 0; i--) {
    out[at + i] *= right;
    right *= t - i;
  }
  return first;
}
