// Who cancels whom: each site's part of a structure factor as an arrow, head to tail, and their sum.

/** Where the arrows of a structure factor begin and end, head to tail from 0, electrons. */
function stopsOf(parts) {
  const stops = [[0, 0]];
  for (const part of parts) stops.push([stops.at(-1)[0] + part.re, stops.at(-1)[1] + part.im]);
  return stops;
}

/** Extent of a structure factor's arrows along the real and the imaginary axis, electrons. */
function extentOf(parts) {
  const stops = stopsOf(parts), along = axis => stops.map(stop => stop[axis]);
  return [0, 1].map(axis => [Math.min(...along(axis)), Math.max(...along(axis))]);
}

/**
 * Draw one structure factor. Where all arrows lie along the real axis (`flat`) each gets a row of its own; `span` is
 * the length, electrons, that all panels have room for.
 */
function drawPhasor(canvas, parts, { flat, span }) {
  const fresh = freshCanvas(canvas);
  if (!fresh) return;
  const { context, width, height } = fresh;
  const size = theme.scale, pad = 10 * size;
  const stops = stopsOf(parts), [[low, high], [bottom, top]] = extentOf(parts);
  const rows = parts.length + 1, rowHeight = Math.min((height - 2 * pad) / rows, 28 * size);
  const names = flat ? 44 * size : 0; // the column of the sites' names
  const perElectron = (flat ? width - 2 * pad - names : Math.min(width, height) - 2 * pad) / span;
  const x = re => (width + names) / 2 + (re - (low + high) / 2) * perElectron;
  const y = (im, row) => (flat ? pad + (row + 0.5) * rowHeight : height / 2 + ((bottom + top) / 2) * perElectron) - im * perElectron;
  context.font = theme.font(11.5);
  context.textBaseline = "middle";
  drawAxes(context, x(0), flat ? null : y(0, 0), width, height);
  const [re, im] = stops.at(-1);
  const drawSum = () => arrow(context, [x(0), y(0, rows - 1)], [x(re), y(im, rows - 1)], theme.text, 5.5 * size);
  if (!flat) drawSum(); // under the others, which may lie on it
  parts.forEach((part, k) => {
    const [from, to] = [stops[k], stops[k + 1]];
    if (flat && k > 0) dotted(context, x(from[0]), y(from[1], k - 1), x(from[0]), y(from[1], k));
    arrow(context, [x(from[0]), y(from[1], k)], [x(to[0]), y(to[1], k)], theme.site(part.colour), 3.5 * size);
    context.fillStyle = theme.text;
    if (flat) context.fillText(siteName(part.site), 0, y(0, k));
  });
  if (!flat) return;
  dotted(context, x(re), y(im, rows - 2), x(re), y(im, rows - 1));
  drawSum();
}

function drawAxes(context, x, y, width, height) {
  context.strokeStyle = theme.edge;
  context.lineWidth = theme.scale;
  context.beginPath();
  context.moveTo(x, 2);
  context.lineTo(x, height - 2);
  if (y !== null) {
    context.moveTo(2, y);
    context.lineTo(width - 2, y);
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
    const extents = all.map(extentOf);
    const long = Math.max(30, ...extents.map(([[low, high]]) => high - low)), wide = Math.max(...extents.map(([, [low, high]]) => high - low));
    const flat = wide < 0.15 * long, span = flat ? long : Math.max(long, wide);
    this.panels.forEach((panel, k) => {
      panel.element.hidden = k >= all.length;
      if (k >= all.length) return;
      const shown = all[k].map((part, i) => ({ ...part, colour: i })).filter(part => Math.hypot(part.re, part.im) > 1e-9 || occupancyOf(engine.phase, part.site, sample.values) > 0);
      drawPhasor(panel.canvas, shown, { flat, span });
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
      panel.choice.replaceChildren(...ticks.slice(0, 60).map(tick => make("option", { value: tick.line }, `(${indexText(tick.hkl)})`)));
      if (this.lines[k] !== undefined && ![...panel.choice.options].some(option => Number(option.value) === this.lines[k])) {
        const tick = ticks.find(one => one.line === this.lines[k]);
        panel.choice.append(make("option", { value: tick.line }, `(${indexText(tick.hkl)})`));
      }
      panel.choice.value = String(this.lines[k]);
    });
  }

  /** Start over with another crystal. */
  forget() {
    this.lines = this.known = null;
  }
}
