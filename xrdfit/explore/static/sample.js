// What the sliders move: a model's values, its radiation, and the rules that the occupancies keep.

const SLOW_NM = 8; // from here on a new Debye table may take more than a few frames

class Sample {
  constructor(page, model) {
    this.page = page;
    this.model = model;
    this.engines = model.phases.map(phase => ({
      phase,
      bragg: new BraggEngine(model, phase, page.species),
      debye: new DebyeEngine(model, phase, page.species),
    }));
    this.tied = new Set(model.ties.map(tie => tie.target));
    this.held = new Map(); // "phase element" → atoms per cell
    this.pinned = new Set(); // labels of sites that stay where they are while others make up a total
    this.reset();
  }

  /** Back to the model as it was given. */
  reset() {
    this.values = Object.fromEntries(this.model.rows.map(row => [row.name, row.value]));
    this.radiation = this.model.radiation;
    this.anomalous = true;
    this.held.clear();
    this.settle();
  }

  /** Set values by name; names that the model does not have are an error. */
  set(changes) {
    for (const [name, value] of Object.entries(changes)) {
      if (!(name in this.values)) throw new Error(`${name}: the model has no such parameter`);
      if (!Number.isFinite(value)) throw new Error(`${name}: ${value} is not a number`);
      this.values[name] = value;
    }
    this.settle();
  }

  settle() {
    for (const tie of this.model.ties) {
      this.values[tie.target] = Object.entries(tie.slopes).reduce((sum, [name, slope]) => sum + slope * this.values[name], tie.constant);
    }
    this.base = null;
  }

  /** Take a radiation by the name of a tube, or the wavelength on the page's list that is nearest, Å. */
  setRadiation(wanted) {
    if (typeof wanted === "number") {
      const { first, step, count, anomalous } = this.page.wavelengths;
      const i = Math.min(Math.max(Math.round((wanted - first) / step), 0), count - 1);
      const wavelength = Number((first + step * i).toFixed(6));
      const pairs = Object.entries(anomalous).map(([element, table]) => [element, [table[2 * i], table[2 * i + 1]]]);
      this.radiation = { name: String(wavelength), title: `${wavelength} Å`, lines: [{ wavelength, weight: 1, anomalous: Object.fromEntries(pairs) }] };
      return;
    }
    const found = [this.model.radiation, ...this.page.tubes].find(rays => rays.name === wanted);
    if (!found) throw new Error(`${wanted}: no such radiation on this page`);
    this.radiation = found;
  }

  /** The strongest line's wavelength, Å. */
  get wavelength() {
    return this.radiation.lines.reduce((best, line) => (line.weight > best.weight ? line : best)).wavelength;
  }

  get optics() {
    return { rays: this.radiation.lines, anomalous: this.anomalous, key: `${this.radiation.name} ${this.anomalous}` };
  }

  /** Which engines can serve the values. */
  serves(engine) {
    return this.engines.every(own => (own.phase.engine ?? engine) === "bragg" || own.debye.serves(this.values));
  }

  /** Whether the Debye sum would take so long that the page should show the rest first. */
  slow(grid) {
    return this.engines.some(own => (own.phase.engine ?? "debye") === "debye"
      && this.values[`${own.phase.prefix}size_nm`] > SLOW_NM && !own.debye.ready(this.values, this.optics, grid));
  }

  /** The pattern on a grid, each phase times its scale; null where a cluster is too large for the Debye sum. */
  pattern(engine, grid) {
    if (!this.serves(engine)) return null;
    const total = new Float64Array(grid.length);
    for (const own of this.engines) {
      const y = own[own.phase.engine ?? engine].pattern(this.values, this.optics, grid);
      addScaled(total, y, this.values[`${own.phase.prefix}scale`]);
    }
    return total;
  }

  /** Atoms of an element per cell. */
  total(phase, element) {
    return phase.sites
      .filter(site => site.element === element)
      .reduce((sum, site) => sum + site.multiplicity * occupancyOf(phase, site, this.values), 0);
  }

  hold(phase, element, on) {
    const key = `${phase.name} ${element}`;
    if (on) this.held.set(key, this.total(phase, element));
    else this.held.delete(key);
    this.base = null;
  }

  holds(phase, element) {
    return this.held.get(`${phase.name} ${element}`);
  }

  /** Most that a site may hold beside the others on its position. */
  room(phase, site) {
    const others = phase.sites.filter(other => other.host === site.host && other !== site);
    return Math.max(0, 1 - others.reduce((sum, other) => sum + occupancyOf(phase, other, this.values), 0));
  }

  /**
   * Move one occupancy. Where its element's total is held, the element's other sites make up for it, within
   * their bounds and exactly; the value goes only as far as they can follow.
   */
  moveOccupancy(phase, site, wanted) {
    const name = other => `${phase.prefix}occ_${other.label}`;
    const total = this.holds(phase, site.element);
    let value = Math.min(Math.max(wanted, 0), this.room(phase, site));
    if (total === undefined) {
      this.set({ [name(site)]: value });
      return value;
    }
    // a drag starts from where it began, so that it can be taken back
    if (this.base?.label !== site.label) this.base = { label: site.label, values: { ...this.values } };
    const base = this.base, at = other => base.values[name(other)];
    const others = phase.sites.filter(other => other.element === site.element && other !== site);
    const free = others.filter(other => !this.pinned.has(other.label) && !this.tied.has(name(other)));
    const fixed = others.filter(other => !free.includes(other)).reduce((sum, other) => sum + other.multiplicity * at(other), 0);
    const most = free.map(other => other.multiplicity * this.room(phase, other));
    const capacity = most.reduce((sum, x) => sum + x, 0);
    const low = Math.max(0, (total - fixed - capacity) / site.multiplicity), high = (total - fixed) / site.multiplicity;
    value = Math.min(Math.max(value, low), high);
    const now = free.map(other => other.multiplicity * at(other));
    const sum = now.reduce((all, x) => all + x, 0), rest = total - fixed - site.multiplicity * value;
    const grow = rest > sum && capacity > sum ? (rest - sum) / (capacity - sum) : 0;
    const shrink = rest < sum && sum > 0 ? rest / sum : 1;
    const changes = { [name(site)]: value };
    free.forEach((other, k) => {
      const atoms = grow ? now[k] + grow * (most[k] - now[k]) : now[k] * shrink;
      changes[name(other)] = Math.min(Math.max(atoms / other.multiplicity, 0), 1);
    });
    this.set(changes);
    this.base = base;
    return value;
  }

  /** Take all values of one of the model's states. */
  applyState(state) {
    this.held.clear();
    this.set(state.values);
    this.radiation = state.radiation;
    this.anomalous = true;
  }

  /** Displacement parameter of an element's sites: the mean of their own B, moved together. */
  elementB(phase, element) {
    const sites = phase.sites.filter(site => site.element === element);
    const weight = sites.reduce((sum, site) => sum + site.multiplicity, 0);
    return sites.reduce((sum, site) => sum + site.multiplicity * ownB(phase, site, this.values), 0) / weight;
  }

  setElementB(phase, element, wanted) {
    const shift = wanted - this.elementB(phase, element);
    const hosts = new Set(phase.sites.filter(site => site.element === element).map(site => hostOf(phase, site).label));
    this.set(Object.fromEntries([...hosts].map(label => {
      const name = `${phase.prefix}b_${label}`;
      return [name, Number((this.values[name] + shift).toFixed(9))];
    })));
  }

  /** The command that computes what the page shows. */
  command(engine) {
    const text = value => String(Number(value.toPrecision(9)));
    const set = this.model.rows
      .filter(row => !this.tied.has(row.name) && text(this.values[row.name]) !== text(row.value))
      .map(row => `--set ${row.name}=${text(this.values[row.name])}`);
    const name = /^[\w./+-]+$/.test(this.model.given) ? this.model.given : `'${this.model.given.replaceAll("'", "'\\''")}'`;
    const radiation = this.radiation.name === this.model.radiation.name ? [] : [`--radiation ${this.radiation.name}`];
    const off = this.anomalous ? [] : ["--no-anomalous"];
    return ["xrdfit simulate", name, `--engine ${engine}`, ...radiation, ...off, ...set].join(" ");
  }
}
