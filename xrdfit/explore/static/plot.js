// The plots: Bragg and Debye side by side or one over the other, with the scan and the difference where there is one.

const ENGINES = { bragg: "Bragg: sum of lines", debye: "Debye: sum over pairs of atoms" };
const SHORT = { bragg: "Bragg", debye: "Debye" };
const DASHES = { bragg: undefined, debye: [7, 3] };

class Plots {
  constructor(host, readout) {
    this.host = host;
    this.readout = readout;
    this.range = null; // of 2θ, where the reader has zoomed in
    this.panes = [];
    this.seen = [];
  }

  /** Build the plots anew: after a change of view, of grid or of theme. */
  build(view, grid, scan) {
    this.panes.forEach(pane => pane.plots.forEach(plot => plot.destroy()));
    this.host.replaceChildren();
    this.host.dataset.view = view;
    this.grid = grid;
    const kinds = view === "both" ? [["bragg"], ["debye"]] : view === "overlay" ? [["bragg", "debye"]] : [[view]];
    this.panes = kinds.map(engines => this.buildPane(engines, scan));
    this.resize();
  }

  buildPane(engines, scan) {
    const notes = engines.map(() => make("span", { class: "note", role: "status" }));
    const names = engines.length > 1 ? SHORT : ENGINES;
    const heads = engines.map((engine, k) => make("h3", {}, make("span", { class: `key ${engine}` }), names[engine], " ", notes[k]));
    const place = make("div", {
      class: "plot", tabIndex: 0, role: "img",
      "aria-label": `Powder pattern, ${engines.map(engine => ENGINES[engine]).join(" and ")}. Arrow keys move the cursor, plus and minus zoom, 0 shows all.`,
      onkeydown: event => this.onKey(event),
    });
    const element = make("div", { class: "pane" }, make("div", { class: "pane-head" }, ...heads), place);
    this.host.append(element);
    const pane = { engines, place, notes, plots: [], marks: [] };
    pane.plots.push(new uPlot(this.options(pane, false, !scan), this.emptyData(engines), place));
    if (scan) pane.plots.push(new uPlot(this.options(pane, true, true), this.emptyData(engines, true), place));
    return pane;
  }

  emptyData(engines, difference = false) {
    const columns = difference ? engines.length : 2 + 2 * engines.length;
    return [this.grid, ...Array.from({ length: columns }, () => new Array(this.grid.length).fill(null))];
  }

  options(pane, difference, lowest) {
    const axis = { stroke: () => theme.soft, font: theme.font(12), grid: { stroke: () => theme.line, width: 1 }, ticks: { stroke: () => theme.line, size: 4 } };
    const line = (engine, width = 1.8) => ({ stroke: () => theme[engine], width: width * theme.scale, dash: pane.engines.length > 1 ? DASHES[engine] : undefined, paths: linePath, points: { show: false } });
    const series = difference
      ? pane.engines.map(engine => line(engine, 1))
      : [
          { stroke: () => theme.scan, width: 0, paths: () => null, points: { show: true, size: 3.5 * theme.scale, fill: () => theme.scan, stroke: () => theme.scan, width: 0 } },
          { stroke: () => theme.soft, width: 1, dash: [2, 3], paths: linePath, points: { show: false } },
          ...pane.engines.map(() => ({ stroke: () => theme.pin, width: 1.2, paths: linePath, points: { show: false } })),
          ...pane.engines.map(engine => line(engine)),
        ];
    return {
      width: 400, height: 200, legend: { show: false }, padding: [difference ? 6 : 18, 8, 0, 0], pxAlign: 0,
      scales: { x: { time: false }, y: { range: difference ? (u, low, high) => symmetric(low, high) : () => [Math.min(0, this.low ?? 0), (this.top || 1) * 1.1] } },
      axes: [
        { ...axis, size: 26 * theme.scale, gap: 3, label: lowest ? "2θ (degrees)" : undefined, labelSize: 17 * theme.scale, labelFont: theme.font(12), labelGap: 0 },
        { ...axis, size: 46 * theme.scale, label: difference ? "Δ/σ" : this.yLabel, labelSize: 16 * theme.scale, labelFont: theme.font(12), values: (u, ticks) => ticks.map(shortNumber) },
      ],
      series: [{}, ...series],
      cursor: { sync: { key: "two-theta" }, drag: { x: true, y: false, setScale: false }, points: { show: false } },
      hooks: {
        setSelect: [u => u.select.width > 4 && this.zoom(u.posToVal(u.select.left, "x"), u.posToVal(u.select.left + u.select.width, "x"), u)],
        setCursor: [u => this.onCursor(u)],
        draw: difference ? [drawZero] : [u => drawMarks(u, pane.marks)],
        ready: [u => u.over.addEventListener("dblclick", () => this.zoom(null))],
      },
    };
  }

  /** What stands at the y axis. */
  setYLabel(text) {
    this.yLabel = text;
  }

  zoom(low, high, plot) {
    if (plot) plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
    this.range = low === null ? null : [Math.max(low, this.grid[0]), Math.min(high, this.grid[this.grid.length - 1])];
    const [min, max] = this.range ?? [this.grid[0], this.grid[this.grid.length - 1]];
    this.findTop();
    this.panes.forEach(pane => pane.plots.forEach(u => u.setScale("x", { min, max })));
  }

  /** One y axis for both panes: the least and the largest of what is in sight. */
  findTop() {
    const [min, max] = this.range ?? [this.grid[0], this.grid[this.grid.length - 1]];
    const first = bound(this.grid, min), last = bound(this.grid, max, true);
    this.low = this.top = 0;
    for (const curve of this.seen) {
      for (let i = first; i < last; i++) {
        if (curve[i] > this.top) this.top = curve[i];
        if (curve[i] < this.low) this.low = curve[i];
      }
    }
  }

  onKey(event) {
    const [first, last] = this.range ?? [this.grid[0], this.grid[this.grid.length - 1]];
    const centre = this.at ?? (first + last) / 2, half = (last - first) / 2;
    const act = {
      "+": () => this.zoom(centre - half / 2, centre + half / 2),
      "=": () => this.zoom(centre - half / 2, centre + half / 2),
      "-": () => this.zoom(centre - 2 * half, centre + 2 * half),
      0: () => this.zoom(null),
      ArrowLeft: () => this.moveCursor(centre - half / 100),
      ArrowRight: () => this.moveCursor(centre + half / 100),
    }[event.key];
    if (!act || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    act();
  }

  moveCursor(angle) {
    this.at = Math.min(Math.max(angle, this.grid[0]), this.grid[this.grid.length - 1]);
    const u = this.panes[0].plots[0];
    u.setCursor({ left: u.valToPos(this.at, "x"), top: 10 });
  }

  onCursor(u) {
    const i = u.cursor.idx;
    if (i === null || i === undefined || u.cursor.left < 0) return;
    this.at = this.grid[i];
    const values = this.panes.flatMap(pane => pane.engines.map((engine, k) => {
      const y = pane.plots[0].data[3 + pane.engines.length + k]?.[i];
      return y === null || y === undefined ? "" : `${SHORT[engine]} ${shortNumber(y)}`;
    })).filter(Boolean);
    const seen = this.panes[0].plots[0].data[1]?.[i];
    if (typeof seen === "number") values.unshift(`scan ${shortNumber(seen)}`);
    this.readout.textContent = `2θ ${fixed(this.grid[i], 2)}°: ${values.join(", ")}`;
  }

  /** Show curves: for each engine {curve, pinned, background, difference, marks, note}; `scan` is shared. */
  show(curves, scan) {
    const blank = this.blank?.length === this.grid.length ? this.blank : (this.blank = new Array(this.grid.length).fill(null));
    this.seen = this.panes.flatMap(pane => pane.engines.flatMap(engine => [curves[engine].curve, curves[engine].pinned]));
    this.seen = [...this.seen, scan].filter(Boolean);
    this.findTop();
    const [min, max] = this.range ?? [this.grid[0], this.grid[this.grid.length - 1]];
    for (const pane of this.panes) {
      const own = pane.engines.map(engine => curves[engine]);
      pane.marks = own[0].marks;
      own.forEach((entry, k) => (pane.notes[k].textContent = entry.note ?? ""));
      const curvesOf = kind => own.map(entry => entry[kind] ?? blank);
      const main = [this.grid, scan ?? blank, own[0].background ?? blank, ...curvesOf("pinned"), ...curvesOf("curve")];
      pane.plots.forEach((u, k) => u.batch(() => {
        u.setData(k === 0 ? main : [this.grid, ...curvesOf("difference")], false);
        u.setScale("x", { min, max });
      }));
    }
  }

  resize() {
    for (const pane of this.panes) {
      const { clientWidth: width, clientHeight: height } = pane.place;
      if (!width || !height) continue;
      const small = pane.plots.length > 1 ? Math.round(Math.max(0.26 * height, 84 * theme.scale)) : 0;
      pane.plots[0].setSize({ width, height: height - small });
      if (small) pane.plots[1].setSize({ width, height: small });
    }
  }
}

/** Every point of a curve: the library's own paths keep two a pixel, which makes steps of steep lines. */
function linePath(u, series, first, last) {
  const stroke = new Path2D(), x = u.data[0], y = u.data[series], { left, top, width, height } = u.bbox;
  const { min: x0, max: x1 } = u.scales.x, { min: y0, max: y1 } = u.scales.y;
  const perX = width / (x1 - x0), perY = height / (y1 - y0);
  let open = false;
  for (let i = first; i <= last; i++) {
    if (y[i] === null) {
      open = false;
      continue;
    }
    const px = left + (x[i] - x0) * perX, py = top + (y1 - y[i]) * perY;
    if (open) stroke.lineTo(px, py);
    else stroke.moveTo(px, py);
    open = true;
  }
  return { stroke };
}

function symmetric(low, high) {
  const most = Math.max(Math.abs(low ?? 0), Math.abs(high ?? 0), 3) * 1.1;
  return [-most, most];
}

/** 12300 as "12.3k": axes stay narrow. */
function shortNumber(value) {
  const size = Math.abs(value);
  if (size >= 1e6) return `${fixed(value / 1e6, 2).replace(/\.?0+$/, "")}M`;
  if (size >= 1e4) return `${fixed(value / 1e3, 1).replace(/\.0$/, "")}k`;
  if (size >= 100) return fixed(value, 0);
  return size >= 1 ? fixed(value, 1).replace(/\.0$/, "") : String(Number(value.toPrecision(2))).replace("-", "−");
}

/** Indices as crystallographers write them: 1̅11, and apart where one has two digits. */
function indexText(hkl) {
  return hkl.map(i => (i < 0 ? [...String(-i)].map(digit => `${digit}\u0305`).join("") : i)).join(hkl.some(i => Math.abs(i) > 9) ? " " : "");
}

function drawZero(u) {
  const y = u.valToPos(0, "y", true);
  u.ctx.save();
  u.ctx.strokeStyle = theme.soft;
  u.ctx.beginPath();
  u.ctx.moveTo(u.bbox.left, y);
  u.ctx.lineTo(u.bbox.left + u.bbox.width, y);
  u.ctx.stroke();
  u.ctx.restore();
}

/** Tick marks under the pattern, and the indices of its stronger lines above it. */
function drawMarks(u, marks) {
  const ratio = window.devicePixelRatio || 1, { left, top, width, height } = u.bbox;
  const strongest = marks.reduce((most, mark) => Math.max(most, mark.area), 0);
  const context = u.ctx;
  context.save();
  context.strokeStyle = theme.soft;
  context.fillStyle = theme.text;
  context.textAlign = "center";
  context.lineWidth = ratio;
  context.font = theme.font(11 * ratio);
  const taken = [];
  const byStrength = [...marks].sort((p, q) => q.area - p.area).slice(0, 400);
  for (const mark of byStrength) {
    const x = u.valToPos(mark.at, "x", true);
    if (x < left || x > left + width) continue;
    context.beginPath();
    context.moveTo(x, top + height);
    context.lineTo(x, top + height - 7 * ratio);
    context.stroke();
    const text = indexText(mark.hkl);
    const half = 0.5 * context.measureText(text).width + 3 * ratio;
    if (mark.area < 2e-3 * strongest && !mark.wanted) continue;
    if (x - half < left || x + half > left + width || taken.some(([p, r]) => Math.abs(p - x) < r + half)) continue;
    context.fillText(text, x, top - 4 * ratio);
    taken.push([x, half]);
  }
  context.restore();
}
