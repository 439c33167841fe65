// The picture of a fit: what was observed and calculated, tick marks, and the difference below; drawn by uPlot.

/** Numbers that Python packed as base64 of little-endian 32-bit floats. */
function unpackFloats(text) {
  const bytes = Uint8Array.from(atob(text), character => character.charCodeAt(0));
  return new Float32Array(bytes.buffer);
}

/** How the axis of intensity runs: what is drawn for a value, and the value back. */
const SCALES = {
  linear: { name: "linear", draw: y => y, back: y => y },
  sqrt: { name: "√", draw: y => Math.sqrt(Math.max(y, 0)), back: y => y * y },
  log: { name: "log", draw: y => Math.log10(Math.max(y, 0.5)), back: y => 10 ** y },
};

class FitPlot {
  /** `act(kind, low, high)` is told what was dragged or clicked where `mode` is no zoom. */
  constructor(host, { act = null, height = null } = {}) {
    this.act = act;
    this.mode = "zoom";
    this.scale = "linear";
    this.range = null;
    this.keys = fitElement("div", { class: "keys" });
    this.tools = fitElement("div", { class: "choice", role: "group", "aria-label": "Axis of intensity" });
    this.whole = fitElement("button", { type: "button", title: "Show the whole scan (double click, or 0)" }, "whole");
    this.weak = fitElement("button", { type: "button", title: "Show the region whose lines are the weakest" }, "weakest region");
    this.place = fitElement("div", {
      class: "place", tabindex: "0", role: "img",
      "aria-label": "Observed and calculated pattern and their difference. Arrow keys move the cursor, plus and minus zoom, 0 shows all.",
    });
    if (height) this.place.style.setProperty("--plot-height", height);
    this.readout = fitElement("div", { class: "readout", "aria-live": "off" });
    host.classList.add("fitplot");
    host.replaceChildren(fitElement("div", { class: "bar" }, this.keys, this.tools, this.whole, this.weak), this.place, this.readout);
    for (const [kind, { name }] of Object.entries(SCALES)) {
      const button = fitElement("button", { type: "button", "aria-pressed": String(kind === this.scale) }, name);
      button.addEventListener("click", () => this.setScale(kind));
      button.dataset.scale = kind;
      this.tools.append(button);
    }
    this.whole.addEventListener("click", () => this.zoom(null));
    this.weak.addEventListener("click", () => this.zoom(...this.data.weakest));
    this.place.addEventListener("keydown", event => this.onKey(event));
    new ResizeObserver(() => this.resize()).observe(this.place);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.data && this.build());
  }

  /** Show a scan: {x, observed, calculated, background, difference, phases, excluded, weakest}; arrays or packed text. */
  show(data, keepRange = false) {
    const arrays = {};
    for (const key of ["x", "observed", "calculated", "background", "difference"]) {
      arrays[key] = typeof data[key] === "string" ? unpackFloats(data[key]) : data[key] ?? null;
    }
    this.data = { phases: [], excluded: [], weakest: null, ...data, ...arrays };
    if (!keepRange) this.range = null;
    this.weak.hidden = !this.data.weakest;
    const keys = [["observed", "--observed", "dots"]];
    if (arrays.calculated) keys.push(["calculated", "--calculated", ""], ["background", "--background", "dashes"]);
    if (arrays.difference) keys.push(["difference/σ", "--difference", ""]);
    if (this.data.excluded.length) keys.push(["left out", "--excluded", "block"]);
    if (this.data.phases.length > 1) this.data.phases.forEach((phase, k) => keys.push([phase.name, `--phase-${k % 6}`, ""]));
    this.keys.replaceChildren(...keys.map(([text, color, kind]) => {
      const key = fitElement("span", { class: kind }, text);
      key.style.setProperty("--key", `var(${color})`);
      return key;
    }));
    this.build();
  }

  setScale(kind) {
    this.scale = kind;
    for (const button of this.tools.children) button.setAttribute("aria-pressed", String(button.dataset.scale === kind));
    this.build();
  }

  build() {
    this.plots?.forEach(plot => plot.destroy());
    this.plots = [];
    this.place.replaceChildren();
    if (!this.data?.x?.length) return;
    const style = getComputedStyle(document.documentElement);
    this.color = name => style.getPropertyValue(`--${name}`).trim();
    const { x, observed, calculated, background, difference } = this.data;
    const drawn = column => column && Float64Array.from(column, SCALES[this.scale].draw);
    const gap = 5 * medianStep(x);
    this.columns = [drawn(observed), drawn(background), drawn(calculated)];
    const lines = [
      { width: 0, paths: () => null, points: { show: true, size: 3.2, fill: this.color("observed"), width: 0, stroke: this.color("observed") } },
      { stroke: this.color("background"), width: 1.2, dash: [5, 4] },
      { stroke: this.color("calculated"), width: 1.6 },
    ];
    const series = lines.map(line => ({ points: { show: false }, paths: straight(gap), ...line }));
    const empty = new Array(x.length).fill(null);
    this.plots.push(new uPlot(this.options(series, !difference), [x, ...this.columns.map(column => column ?? empty)], this.place));
    if (difference) {
      const line = { stroke: this.color("difference"), width: 1, points: { show: false }, paths: straight(gap) };
      this.plots.push(new uPlot(this.options([line], true, true), [x, difference], this.place));
    }
    this.resize();
    this.zoom(...(this.range ?? [null]));
  }

  options(series, lowest, isDifference = false) {
    const rows = this.data.phases.length;
    const axis = { stroke: this.color("soft"), font: "12px system-ui, sans-serif", labelFont: "12px system-ui, sans-serif", grid: { stroke: this.color("line"), width: 1 }, ticks: { stroke: this.color("line"), size: 4 } };
    const y = isDifference
      ? { label: "Δ/σ", space: 22, values: (u, ticks) => ticks.map(fitNumber) }
      : { label: `counts${this.scale === "linear" ? "" : `, ${SCALES[this.scale].name}`}`, splits: this.scale === "log" ? decades : undefined, values: (u, ticks) => ticks.map(t => fitNumber(SCALES[this.scale].back(t))) };
    const limits = isDifference ? () => this.tallest("difference") : () => this.tallest("main");
    return {
      width: 400, height: 200, legend: { show: false }, padding: [8, 16, 0, 0], pxAlign: 0,
      scales: { x: { time: false }, y: { range: limits } },
      axes: [
        { ...axis, show: lowest, size: 24, gap: 2, label: lowest ? "2θ (degrees)" : undefined, labelSize: 16, labelGap: 0 },
        { ...axis, size: 44, labelSize: 16, ...y },
      ],
      series: [{}, ...series],
      cursor: { sync: { key: "fit" }, drag: { x: true, y: false, setScale: false }, points: { show: false } },
      hooks: {
        setSelect: [u => this.onSelect(u)],
        setCursor: [u => this.onCursor(u)],
        drawClear: [u => this.drawExcluded(u)],
        draw: [u => (isDifference ? drawLevel(u, this.color("soft")) : rows && this.drawTicks(u))],
        ready: [u => {
          u.over.addEventListener("dblclick", () => this.zoom(null));
          u.over.addEventListener("click", () => this.onClick(u));
        }],
      },
    };
  }

  /** Limits of a y axis: what is in sight. */
  tallest(which) {
    const { x, difference } = this.data;
    const [from, to] = this.range ?? [x[0], x[x.length - 1]];
    const columns = which === "difference" ? [difference] : this.columns;
    let low = Infinity, high = -Infinity;
    for (const column of columns) {
      if (!column) continue;
      for (let i = 0; i < x.length; i++) {
        if (x[i] < from || x[i] > to || !Number.isFinite(column[i])) continue;
        if (column[i] < low) low = column[i];
        if (column[i] > high) high = column[i];
      }
    }
    if (low > high) [low, high] = [0, 1];
    if (which === "difference") {
      const most = Math.max(-low, high, 4) * 1.1;
      return [-most, most];
    }
    const span = high - low || 1, marks = 0.035 * this.data.phases.length;
    return [low - span * (0.03 + marks), high + 0.05 * span];
  }

  zoom(low, high) {
    const { x } = this.data, first = x[0], last = x[x.length - 1];
    this.range = low === null || low === undefined ? null : [Math.max(low, first), Math.min(high, last)];
    if (this.range && this.range[1] - this.range[0] < 1e-3) this.range = null;
    const [min, max] = this.range ?? [first, last];
    this.plots.forEach(plot => plot.setScale("x", { min, max }));
  }

  onSelect(u) {
    const { left, width } = u.select;
    if (width < 4) return;
    const [low, high] = [u.posToVal(left, "x"), u.posToVal(left + width, "x")];
    u.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
    this.dragged = performance.now();
    if (this.mode === "zoom") this.zoom(low, high);
    else this.act?.(this.mode, low, high);
  }

  onClick(u) {
    if (this.mode !== "hump" || performance.now() - (this.dragged ?? -1e9) < 300) return;
    const at = u.posToVal(u.cursor.left, "x");
    this.act?.("hump", at, at);
  }

  onKey(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const { x } = this.data, [low, high] = this.range ?? [x[0], x[x.length - 1]];
    const centre = this.at ?? (low + high) / 2, half = (high - low) / 2;
    const moves = {
      "+": () => this.zoom(centre - half / 2, centre + half / 2), "=": () => this.zoom(centre - half / 2, centre + half / 2),
      "-": () => this.zoom(centre - 2 * half, centre + 2 * half), 0: () => this.zoom(null),
      ArrowLeft: () => this.moveCursor(centre - half / 100), ArrowRight: () => this.moveCursor(centre + half / 100),
    };
    if (!moves[event.key]) return;
    event.preventDefault();
    moves[event.key]();
  }

  moveCursor(angle) {
    const { x } = this.data, u = this.plots[0];
    this.at = Math.min(Math.max(angle, x[0]), x[x.length - 1]);
    u.setCursor({ left: u.valToPos(this.at, "x"), top: 10 });
  }

  onCursor(u) {
    const i = u.cursor.idx;
    if (i === null || i === undefined || u.cursor.left < 0) return;
    const { x, observed, calculated, difference, phases } = this.data;
    this.at = x[i];
    const parts = [`2θ ${fitFixed(x[i], 3)}°`, `observed ${fitNumber(observed[i])}`];
    if (calculated) parts.push(`calculated ${fitNumber(calculated[i])}`);
    if (difference) parts.push(`Δ/σ ${fitFixed(difference[i], 1)}`);
    const reach = 4 * (u.posToVal(1, "x") - u.posToVal(0, "x"));
    for (const phase of phases) {
      const near = nearest(phase.at, x[i]);
      if (near >= 0 && Math.abs(phase.at[near] - x[i]) < reach) parts.push(`${phase.name} ${phase.hkl[near]}`);
    }
    this.readout.textContent = parts.join(", ");
  }

  drawExcluded(u) {
    const { left, top, width, height } = u.bbox, context = u.ctx;
    context.save();
    context.beginPath();
    context.rect(left, top, width, height);
    context.clip();
    context.fillStyle = this.color("excluded");
    for (const [low, high] of this.data.excluded) {
      const from = u.valToPos(low, "x", true);
      context.fillRect(from, top, u.valToPos(high, "x", true) - from, height);
    }
    context.restore();
  }

  drawTicks(u) {
    const { left, top, width, height } = u.bbox, context = u.ctx, ratio = window.devicePixelRatio || 1;
    const size = 0.03 * height;
    context.save();
    context.lineWidth = 1.2 * ratio;
    this.data.phases.forEach((phase, k) => {
      const base = top + height - (this.data.phases.length - k - 1) * 1.1 * size - ratio;
      context.strokeStyle = this.color(`phase-${k % 6}`);
      context.beginPath();
      for (const angle of phase.at) {
        const x = u.valToPos(angle, "x", true);
        if (x < left || x > left + width) continue;
        context.moveTo(x, base);
        context.lineTo(x, base - size);
      }
      context.stroke();
    });
    context.restore();
  }

  resize() {
    const { clientWidth: width, clientHeight: height } = this.place;
    if (!width || !height || !this.plots?.length) return;
    const lower = this.plots.length > 1 ? Math.round(Math.max(0.27 * height, 100)) : 0;
    this.plots[0].setSize({ width, height: height - lower });
    if (lower) this.plots[1].setSize({ width, height: lower });
  }
}

/** Every point of a curve, broken at gaps of the scan and where there is no number. */
function straight(gap) {
  return (u, series, first, last) => {
    const stroke = new Path2D(), x = u.data[0], y = u.data[series];
    let open = false;
    for (let i = Math.max(first - 1, 0); i <= Math.min(last + 1, x.length - 1); i++) {
      if (y[i] === null || !Number.isFinite(y[i])) {
        open = false;
        continue;
      }
      const px = u.valToPos(x[i], "x", true), py = u.valToPos(y[i], "y", true);
      if (open && x[i] - x[i - 1] < gap) stroke.lineTo(px, py);
      else stroke.moveTo(px, py);
      open = true;
    }
    return { stroke };
  };
}

function medianStep(x) {
  const steps = Array.from(x).slice(1).map((value, i) => value - x[i]).sort((p, q) => p - q);
  return steps[steps.length >> 1] ?? 1;
}

/** Where a logarithmic axis is labelled: 1, 2, 5, 10 … */
function decades(u, axis, low, high) {
  const found = [];
  for (let power = Math.floor(low); power <= high; power++) {
    for (const step of high - low > 2.5 ? [1] : [1, 2, 5]) {
      const at = power + Math.log10(step);
      if (at >= low && at <= high) found.push(at);
    }
  }
  return found;
}

function drawLevel(u, color) {
  const y = u.valToPos(0, "y", true), context = u.ctx;
  context.save();
  context.strokeStyle = color;
  context.beginPath();
  context.moveTo(u.bbox.left, y);
  context.lineTo(u.bbox.left + u.bbox.width, y);
  context.stroke();
  context.restore();
}

/** Index of the nearest of ascending numbers, −1 of none. */
function nearest(sorted, value) {
  let low = 0, high = sorted.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sorted[middle] < value) low = middle + 1;
    else high = middle;
  }
  if (high < 0) return -1;
  return low > 0 && value - sorted[low - 1] < sorted[low] - value ? low - 1 : low;
}

const fitFixed = (value, decimals) => value.toFixed(decimals).replace("-", "−");

function fitNumber(value) {
  const size = Math.abs(value);
  if (!Number.isFinite(value)) return "";
  if (size >= 1e6) return `${fitFixed(value / 1e6, 2).replace(/\.?0+$/, "")}M`;
  if (size >= 1e4) return `${fitFixed(value / 1e3, 1).replace(/\.0$/, "")}k`;
  if (size >= 100) return fitFixed(value, 0);
  return size >= 1 ? fitFixed(value, 1).replace(/\.0$/, "") : String(Number(value.toPrecision(2))).replace("-", "−");
}

function fitElement(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}
