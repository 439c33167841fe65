// A measured scan: columns read from text, and how far a calculated pattern is from it. Nothing leaves the page.

const SCAN_BYTES = 20e6;
const SCAN_POINTS = 6000;

/** Read two or three columns of numbers: angle, intensity and, where there is one, its error. */
function readScan(text, name) {
  const rows = [];
  let width = 0;
  for (const line of text.slice(0, SCAN_BYTES).split(/\r\n|\r|\n/)) {
    const numbers = numbersOf(line);
    if (numbers.length < 2) continue;
    if (numbers.length !== width) {
      // a table keeps its number of columns; what came before was a header
      if (rows.length >= 20) continue;
      rows.length = 0;
      width = numbers.length;
    }
    rows.push(numbers);
  }
  if (rows.length < 20) throw new Error(`${name}: no columns of numbers were found; two columns, angle and counts, are needed`);
  for (let i = 1; i < rows.length; i++) {
    if (rows[i][0] <= rows[i - 1][0]) throw new Error(`${name}: the first column is not ascending (${rows[i][0]} after ${rows[i - 1][0]})`);
  }
  const thin = Math.ceil(rows.length / SCAN_POINTS);
  const kept = rows.filter((row, i) => i % thin === 0 && Number.isFinite(row[1]));
  const third = width > 2 && kept.every(row => row[2] > 0);
  return {
    name,
    x: Float64Array.from(kept, row => row[0]),
    y: Float64Array.from(kept, row => row[1]),
    sigma: Float64Array.from(kept, row => (third ? row[2] : Math.sqrt(Math.max(row[1], 1)))),
    thinned: thin,
    hasErrors: third,
  };
}

/** The numbers of a line that holds nothing else; a comma is a decimal sign where no other can be. */
function numbersOf(line) {
  const text = line.trim().replace(/^["']+|["']+$/g, "");
  if (text === "" || !/^[-+\d.,eE;\s"']+$/.test(text)) return [];
  const decimalComma = !text.includes(".") && /[;\s]/.test(text) && /\d,\d/.test(text);
  const plain = decimalComma ? text.replaceAll(",", ".") : text;
  const fields = plain.split(decimalComma ? /[;\s"']+/ : /[,;\s"']+/).filter(field => field !== "");
  const numbers = fields.map(Number);
  return numbers.every(Number.isFinite) ? numbers : [];
}

/** 2θ in degrees of a scan whose first column is Q, 1/Å. */
function angleOfQ(q, wavelength) {
  const sine = q * wavelength / (4 * Math.PI);
  return sine > 0 && sine < 1 ? 2 * Math.asin(sine) / RADIAN : NaN;
}

/** Restrict a scan to angles that exist, with 2θ as its axis. */
function onAngles(scan, axis, wavelength) {
  const angle = axis === "q" ? scan.x.map(q => angleOfQ(q, wavelength)) : scan.x;
  const keep = Array.from(angle.keys()).filter(i => angle[i] > 0.5 && angle[i] < 179);
  if (keep.length < 20) throw new Error(`${scan.name}: fewer than 20 points lie between 0.5 and 179 degrees`);
  const pick = array => Float64Array.from(keep, i => array[i]);
  return { ...scan, x: pick(angle), y: pick(scan.y), sigma: pick(scan.sigma) };
}

/**
 * Fit a scale and a Chebyshev background to a scan and compare: they are linear, so this is one solution.
 * Returns the calculated counts, the background, the scale and R_wp.
 */
function compareWith(scan, pattern, order) {
  const n = scan.x.length, first = scan.x[0], span = scan.x[n - 1] - first;
  const columns = [];
  for (let k = 0; k <= order; k++) {
    columns.push(Float64Array.from(scan.x, x => Math.cos(k * Math.acos(Math.min(Math.max(2 * (x - first) / span - 1, -1), 1)))));
  }
  const top = pattern.reduce((most, y) => Math.max(most, y), 0) || 1;
  const unit = pattern.map(y => y / top);
  let solution = leastSquares([unit, ...columns], scan);
  if (solution[0] < 0) solution = [0, ...leastSquares(columns, scan)];
  const background = new Float64Array(n);
  columns.forEach((column, k) => addScaled(background, column, solution[k + 1]));
  const total = background.map((b, i) => b + solution[0] * unit[i]);
  let off = 0, all = 0;
  for (let i = 0; i < n; i++) {
    off += ((scan.y[i] - total[i]) / scan.sigma[i]) ** 2;
    all += (scan.y[i] / scan.sigma[i]) ** 2;
  }
  return { total, background, scale: solution[0] / top, rwp: Math.sqrt(off / all) };
}

/** Weighted least squares by orthogonalization of the columns (modified Gram–Schmidt). */
function leastSquares(columns, scan) {
  const weighted = columns.map(column => column.map((x, i) => x / scan.sigma[i]));
  const target = scan.y.map((y, i) => y / scan.sigma[i]);
  const size = columns.length, r = columns.map(() => new Float64Array(size)), b = new Float64Array(size);
  const dot = (x, y) => x.reduce((sum, v, i) => sum + v * y[i], 0);
  for (let j = 0; j < size; j++) {
    const before = Math.sqrt(dot(weighted[j], weighted[j]));
    for (let i = 0; i < j; i++) {
      r[i][j] = dot(weighted[i], weighted[j]);
      addScaled(weighted[j], weighted[i], -r[i][j]);
    }
    const norm = Math.sqrt(dot(weighted[j], weighted[j]));
    r[j][j] = norm > 1e-10 * before ? norm : Infinity; // a column that others make up gets the coefficient 0
    for (let i = 0; i < weighted[j].length; i++) weighted[j][i] /= r[j][j];
    b[j] = dot(weighted[j], target);
    addScaled(target, weighted[j], -b[j]);
  }
  const out = new Array(size).fill(0);
  for (let j = size - 1; j >= 0; j--) {
    let sum = b[j];
    for (let k = j + 1; k < size; k++) sum -= r[j][k] * out[k];
    out[j] = Number.isFinite(r[j][j]) ? sum / r[j][j] : 0;
  }
  return out;
}
