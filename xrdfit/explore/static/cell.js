// The unit cell in three dimensions: atoms as discs that are filled as far as their site is.

class CellView {
  constructor(canvas) {
    this.canvas = canvas;
    this.turn = [-0.32, 0.42]; // about the screen's horizontal and the crystal's vertical
    canvas.addEventListener("pointerdown", event => {
      canvas.setPointerCapture(event.pointerId);
      this.grip = [event.clientX, event.clientY, ...this.turn];
    });
    canvas.addEventListener("pointermove", event => {
      if (!this.grip) return;
      const [x, y, tilt, spin] = this.grip;
      this.rotate(tilt + (event.clientY - y) * 0.01, spin + (event.clientX - x) * 0.01);
    });
    for (const end of ["pointerup", "pointercancel"]) canvas.addEventListener(end, () => (this.grip = null));
    canvas.addEventListener("keydown", event => {
      const step = { ArrowLeft: [0, -0.1], ArrowRight: [0, 0.1], ArrowUp: [-0.1, 0], ArrowDown: [0.1, 0] }[event.key];
      if (!step) return;
      event.preventDefault();
      this.rotate(this.turn[0] + step[0], this.turn[1] + step[1]);
    });
  }

  rotate(tilt, spin) {
    this.turn = [Math.min(Math.max(tilt, -1.6), 1.6), spin];
    this.paint();
  }

  /** Show a phase at the sample's values. */
  draw(phase, sample) {
    const cell = cellOf(phase, sample.values);
    const edges = edgesOf(cell);
    this.corners = [0, 1, 2, 3, 4, 5, 6, 7].map(k => cartesian(edges, [k & 1, (k >> 1) & 1, k >> 2]));
    this.centre = cartesian(edges, [0.5, 0.5, 0.5]);
    this.atoms = [];
    this.partners = phase.sites.map((_, j) => phase.sites.flatMap((other, k) => (other.host === phase.sites[j].host ? [k] : [])));
    phase.sites.forEach((site, j) => {
      if (site.host !== j) return;
      for (const xyz of imagesOf(atomsOf(phase, site, sample.values))) {
        this.atoms.push({ at: cartesian(edges, xyz), site, j });
      }
    });
    this.filling = phase.sites.map(site => occupancyOf(phase, site, sample.values));
    this.canvas.setAttribute("aria-label",
      `Unit cell, ${this.atoms.length} positions: ${phase.sites.map((site, j) => `${siteName(site)} ${Math.round(100 * this.filling[j])} % filled`).join(", ")}. Arrow keys turn it.`);
    this.paint();
  }

  paint() {
    const fresh = freshCanvas(this.canvas);
    if (!fresh || !this.atoms) return;
    const { context, width, height } = fresh;
    const radius = Math.max(...this.corners.map(corner => Math.hypot(...corner.map((x, i) => x - this.centre[i]))));
    const perLength = 0.53 * Math.min(width, height) / radius;
    const [st, ct, ss, cs] = [Math.sin(this.turn[0]), Math.cos(this.turn[0]), Math.sin(this.turn[1]), Math.cos(this.turn[1])];
    const project = point => {
      const [x, y, z] = point.map((v, i) => v - this.centre[i]);
      const right = x * cs + y * ss, away = -x * ss + y * cs;
      const depth = away * ct - z * st, up = z * ct + away * st;
      const near = 1 / (1 + 0.12 * depth / radius);
      return [width / 2 + right * perLength * near, height / 2 - up * perLength * near, depth, near];
    };
    const corners = this.corners.map(project);
    const farthest = corners.reduce((far, corner, k) => (corner[2] > corners[far][2] ? k : far), 0);
    context.strokeStyle = theme.soft;
    for (let k = 0; k < 8; k++) {
      for (const bit of [1, 2, 4]) {
        if (k & bit) continue;
        context.setLineDash(k === farthest || (k | bit) === farthest ? [3, 3] : []);
        context.lineWidth = theme.scale;
        context.beginPath();
        context.moveTo(corners[k][0], corners[k][1]);
        context.lineTo(corners[k | bit][0], corners[k | bit][1]);
        context.stroke();
      }
    }
    context.setLineDash([]);
    const size = Math.min(0.085 * Math.min(width, height), 0.55 * perLength);
    const painted = this.atoms.map(atom => ({ ...atom, seen: project(atom.at) })).sort((p, q) => q.seen[2] - p.seen[2]);
    for (const atom of painted) this.disc(context, atom, size, radius);
  }

  /** A disc, with one sector for each species of the site, from twelve o'clock on. */
  disc(context, { seen: [x, y, depth, near], j }, size, radius) {
    // emptier sites are smaller, so that they do not hide the others
    const filled = this.partners[j].reduce((sum, k) => sum + this.filling[k], 0);
    const r = size * near * (0.35 + 0.65 * Math.cbrt(Math.min(filled, 1))), fade = 1 - 0.35 * (depth / radius + 1) / 2;
    context.globalAlpha = fade;
    context.fillStyle = theme.panel;
    context.beginPath();
    context.arc(x, y, r, 0, 2 * Math.PI);
    context.fill();
    let from = -Math.PI / 2;
    for (const k of this.partners[j]) {
      const to = from + 2 * Math.PI * Math.min(this.filling[k], 1);
      context.fillStyle = theme.site(k);
      context.beginPath();
      context.moveTo(x, y);
      context.arc(x, y, r, from, to);
      context.fill();
      from = to;
    }
    context.strokeStyle = theme.site(j);
    context.lineWidth = 1.5 * theme.scale;
    context.beginPath();
    context.arc(x, y, r, 0, 2 * Math.PI);
    context.stroke();
    context.globalAlpha = 1;
  }
}

function cartesian(edges, xyz) {
  return [0, 1, 2].map(i => xyz[0] * edges[0][i] + xyz[1] * edges[1][i] + xyz[2] * edges[2][i]);
}

/** Atoms within the cell, its faces, edges and corners included. */
function imagesOf(atoms) {
  const out = [];
  for (let a = 0; a < atoms.length; a += 3) {
    const choices = [0, 1, 2].map(i => {
      const x = atoms[a + i] - Math.floor(atoms[a + i] + 1e-6);
      return x < 1e-4 ? [0, 1] : [x];
    });
    for (const x of choices[0]) for (const y of choices[1]) for (const z of choices[2]) out.push([x, y, z]);
  }
  return out;
}
