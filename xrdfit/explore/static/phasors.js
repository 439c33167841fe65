// Who cancels whom: each site's part of a structure factor as an arrow, head to tail, and their sum.

/** Draw one structure factor. `parts` are {site, re, im}; `reach` is the length, electrons, that fits in. */
function drawPhasor(canvas, parts, colours, reach) {
  const fresh = freshCanvas(canvas);
  if (!fresh) return;
  const { context, width, height } = fresh;
  const size = theme.scale;
  const stops = [[0, 0]];
  parts.forEach(part => stops.push([stops.at(-1)[0] + part.re, stops.at(-1)[1] + part.im]));
  const [sumRe, sumIm] = stops.at(-1);
  // where all arrows lie along one line each gets a row of its own
  const flat = stops.every(([, im]) => Math.abs(im) < 0.12 * reach);
  const rows = parts.length + 1, top = 8 * size, bottom = height - 8 * size;
  const rowHeight = Math.min((bottom - top) / rows, 26 * size);
  const perElectron = flat ? (width - 28 * size) / (2 * reach) : Math.min(width - 28 * size, height - 28 * size) / (2 * reach);
  const x = re => width / 2 + re * perElectron;
  const middle = (top + bottom) / 2;
  const y = (im, row) => (flat ? top + (row + 0.5) * rowHeight : middle) - im * perElectron;
  drawAxes(context, flat, { width, height, middle, size });
  parts.forEach((part, k) => {
    const [from, to] = [stops[k], stops[k + 1]];
    const colour = theme.site(colours[k]);
    if (flat && k > 0) dotted(context, x(from[0]), y(from[1], k - 1), x(from[0]), y(from[1], k));
    arrow(context, [x(from[0]), y(from[1], k)], [x(to[0]), y(to[1], k)], colour, 3 * size);
    if (flat) label(context, siteName(part.site), x(from[0]), x(to[0]), y(from[1], k), rowHeight, width);
  });
  if (flat) dotted(context, x(sumRe), y(sumIm, rows - 2), x(sumRe), y(sumIm, rows - 1));
  arrow(context, [x(0), y(0, rows - 1)], [x(sumRe), y(sumIm, rows - 1)], theme.text, 5 * size);
}

function drawAxes(context, flat, { width, height, middle, size }) {
  context.strokeStyle = theme.line;
  context.lineWidth = size;
  context.beginPath();
  context.moveTo(width / 2, 2);
  context.lineTo(width / 2, height - 2);
  if (!flat) {
    context.moveTo(2, middle);
    context.lineTo(width - 2, middle);
  }
  context.stroke();
}

function dotted(context, x0, y0, x1, y1) {
  context.save();
  context.strokeStyle = theme.soft;
  context.setLineDash([2, 3]);
  context.beginPath();
  context.moveTo(x0, y0);
  context.lineTo(x1, y1);
  context.stroke();
  context.restore();
}

function arrow(context, [x0, y0], [x1, y1], colour, width) {
  const length = Math.hypot(x1 - x0, y1 - y0);
  context.fillStyle = context.strokeStyle = colour;
  context.lineWidth = width;
  if (length < 1) {
    context.beginPath();
    context.arc(x0, y0, width, 0, 2 * Math.PI);
    context.fill();
    return;
  }
  const head = Math.min(length, 3 * width), ux = (x1 - x0) / length, uy = (y1 - y0) / length;
  context.beginPath();
  context.moveTo(x0, y0);
  context.lineTo(x1 - ux * head, y1 - uy * head);
  context.stroke();
  context.beginPath();
  context.moveTo(x1, y1);
  context.lineTo(x1 - ux * head - uy * head * 0.55, y1 - uy * head + ux * head * 0.55);
  context.lineTo(x1 - ux * head + uy * head * 0.55, y1 - uy * head - ux * head * 0.55);
  context.fill();
}

function label(context, text, x0, x1, y, rowHeight, width) {
  context.font = theme.font(11);
  context.fillStyle = theme.text;
  context.textBaseline = "middle";
  const [low, high] = [Math.min(x0, x1), Math.max(x0, x1)], need = context.measureText(text).width + 8;
  const right = high + need < width;
  context.textAlign = right ? "left" : "right";
  if (rowHeight > 9) context.fillText(text, right ? high + 6 : low - 6, y);
}

/** Four lines worth showing: those of the article where the crystal has them, else the strongest. */
const ARTICLE_LINES = ["1,1,1", "2,0,0", "2,2,0", "3,1,1"];
function phasorLines(ticks) {
  const byName = new Map(ticks.map(tick => [tick.hkl.join(), tick]));
  if (ARTICLE_LINES.every(name => byName.has(name))) return ARTICLE_LINES.map(name => byName.get(name).line);
  return [...ticks].sort((p, q) => q.area - p.area).slice(0, 4).sort((p, q) => p.at - q.at).map(tick => tick.line);
}

class Phasors {
  constructor(host, onChoice) {
    this.host = host;
    this.lines = null;
    this.onChoice = onChoice;
    this.panels = [0, 1, 2, 3].map(k => {
      const choice = make("select", { "aria-label": `Reflection of panel ${k + 1}`, onchange: () => {
        this.lines[k] = Number(choice.value);
        this.onChoice();
      } });
      const value = make("output", {}), canvas = make("canvas", { role: "img" });
      return { choice, value, canvas, element: make("figure", {}, make("figcaption", {}, make("span", { class: "f" }, "F"), choice, value), canvas) };
    });
    host.replaceChildren(...this.panels.map(panel => panel.element));
  }

  /** Draw for one phase. */
  draw(engine, sample, ticks) {
    const known = ticks.map(tick => tick.line).join();
    if (known !== this.known) {
      this.known = known;
      this.offer(ticks);
    }
    const all = this.lines.map(line => engine.contributions(line, sample.values, sample.optics));
    const reach = 1.15 * Math.max(10, ...all.map(parts => {
      let re = 0, im = 0;
      return Math.max(...parts.map(part => Math.hypot(re += part.re, im += part.im)));
    }));
    this.panels.forEach((panel, k) => {
      panel.element.hidden = k >= all.length;
      if (k >= all.length) return;
      const shown = all[k].map((part, i) => ({ ...part, i })).filter(part => Math.hypot(part.re, part.im) > 1e-9 || occupancyOf(engine.phase, part.site, sample.values) > 0);
      drawPhasor(panel.canvas, shown, shown.map(part => part.i), reach);
      const re = all[k].reduce((sum, part) => sum + part.re, 0), im = all[k].reduce((sum, part) => sum + part.im, 0);
      panel.value.textContent = `|F| ${fixed(Math.hypot(re, im), 1)}`;
      const name = `(${engine.indices(this.lines[k]).join(" ")})`;
      panel.canvas.setAttribute("aria-label", `F${name}: ${shown.map(part => `${siteName(part.site)} ${fixed(part.re, 1)}`).join(", ")}; sum ${fixed(re, 1)} electrons`);
    });
  }

  offer(ticks) {
    const still = new Set(ticks.map(tick => tick.line));
    if (!this.lines || this.lines.some(line => !still.has(line))) this.lines = phasorLines(ticks);
    this.panels.forEach((panel, k) => {
      panel.choice.replaceChildren(...ticks.slice(0, 60).map(tick => make("option", { value: tick.line }, `(${tick.hkl.join(" ")})`)));
      if (this.lines[k] !== undefined && ![...panel.choice.options].some(option => Number(option.value) === this.lines[k])) {
        const tick = ticks.find(one => one.line === this.lines[k]);
        panel.choice.append(make("option", { value: tick.line }, `(${tick.hkl.join(" ")})`));
      }
      panel.choice.value = String(this.lines[k]);
    });
  }

  /** Start over with another crystal. */
  forget() {
    this.lines = this.known = null;
  }
}
