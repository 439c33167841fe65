// The page: what is chosen, what is computed when something moved, and where it is shown.

class Page {
  constructor(data) {
    this.data = data;
    this.grid = this.ownGrid = unpack(data.two_theta, Float64Array);
    const tables = data.wavelengths.anomalous;
    for (const element of Object.keys(tables)) tables[element] = unpack(tables[element], Float32Array);
    this.samples = data.models.map(model => new Sample(data, model));
    this.sample = this.samples[0];
    this.view = matchMedia("(max-width: 44rem)").matches ? "overlay" : "both"; // one plot on a phone
    this.scale = "cell";
    this.scan = null;
    this.pins = null;
    this.order = 5;
    const find = id => document.getElementById(id);
    this.find = find;
    this.plots = new Plots(find("plots"), find("readout"));
    this.phasors = new Phasors(find("phasors"), () => this.changed());
    this.cell = new CellView(find("cell"));
    theme.read();
    find("views").querySelector(`[value=${this.view}]`).checked = true;
    this.buildHead();
    this.listen();
    this.choose(0);
    setTimeout(() => this.check(), 300); // after the first picture
  }

  buildHead() {
    const { data } = this;
    const models = this.find("models");
    models.hidden = data.models.length < 2;
    document.querySelector("h1").classList.toggle("hidden", !models.hidden);
    models.replaceChildren(...data.models.map((model, i) => make("option", { value: i }, model.name)));
    models.addEventListener("change", () => this.choose(Number(models.value)));
    this.find("version").textContent = `xrdfit ${data.version}`;
  }

  /** Take one of the page's models. */
  choose(index) {
    this.sample = this.samples[index];
    this.find("models").value = index;
    this.buildStates();
    this.refresh = buildControls(this.find("controls"), this.sample, () => this.changed());
    const { phases } = this.sample.model, choice = this.find("phase");
    choice.hidden = phases.length < 2;
    choice.replaceChildren(...phases.map((phase, i) => make("option", { value: i }, phase.name)));
    this.showPhase(0);
    const notes = this.find("notes");
    notes.replaceChildren(...this.sample.model.notes.map(note => make("p", {}, note)));
    this.build();
  }

  /** Which phase's cell, arrows and tick marks are shown. */
  showPhase(index) {
    this.shown = index;
    this.phasors.forget();
    this.find("phase-name").textContent = this.sample.model.phases[index].spaceGroup.replaceAll(" ", "");
  }

  buildStates() {
    const groups = new Map();
    for (const state of this.sample.model.states) {
      if (!groups.has(state.group)) groups.set(state.group, []);
      groups.get(state.group).push(state);
    }
    const button = (title, hint, act) => {
      const own = make("button", { type: "button", title: hint, "aria-pressed": "false", onclick: () => {
        act();
        this.mark(own);
      } }, title);
      return own;
    };
    const all = [...groups].map(([name, states]) => make("span", { class: "states", role: "group", "aria-label": name }, make("span", { class: "of" }, name),
      ...states.map(state => button(state.title, state.hint, () => {
        this.sample.applyState(state);
        this.changed();
      }))));
    const start = button("start", "Back to the model as it was given", () => {
      this.sample.reset();
      this.changed();
    });
    this.find("states").replaceChildren(make("span", { class: "states" }, start), ...all);
    this.mark(start);
  }

  mark(button) {
    this.find("states").querySelectorAll("button").forEach(own => own.setAttribute("aria-pressed", own === button));
    this.marked = button;
  }

  /** Something moved: draw at the next frame, once. */
  changed() {
    if (this.marked) {
      this.marked.setAttribute("aria-pressed", "false");
      this.marked = null;
    }
    if (this.waiting) return;
    this.waiting = true;
    requestAnimationFrame(() => {
      this.waiting = false;
      // the angles of a scan in Q follow the wavelength
      if (this.scanWavelength && this.scanWavelength !== this.sample.wavelength) this.tryScan(() => this.rawScan);
      else this.update();
    });
  }

  /** Build the plots anew, then draw. */
  build() {
    this.plots.setYLabel(this.scan ? "counts" : this.scale === "cell" ? "e.u. per cell" : "strongest = 100");
    this.plots.build(this.view, this.grid, this.scan);
    this.update();
  }

  /** Compute and draw everything; a Debye sum that takes long comes after the rest, unless `patient`. */
  update(patient = false) {
    const { sample, grid } = this, main = sample.engines[this.shown];
    const curves = {};
    const ticks = main.bragg.ticks(sample.values, sample.optics, grid);
    const wanted = new Set(this.phasors.lines ?? []);
    ticks.forEach(tick => (tick.wanted = wanted.has(tick.line)));
    this.computed = {};
    for (const engine of ["bragg", "debye"]) {
      const later = engine === "debye" && !patient && sample.serves("debye") && sample.slow(grid);
      const pattern = (this.computed[engine] = later ? null : sample.pattern(engine, grid));
      curves[engine] = later ? { note: "computing …" } : this.entry(engine, pattern);
      if (later) this.follow();
      curves[engine].marks = ticks;
    }
    this.plots.show(curves, this.scan?.y);
    this.phasors.draw(main.bragg, sample, ticks);
    this.cell.draw(main.phase, sample);
    this.refresh();
    this.find("command").value = sample.command(this.view === "debye" ? "debye" : "bragg");
    this.showAgreement(curves);
  }

  /** Draw again, with the Debye sum, once nothing has moved for a moment. */
  follow() {
    clearTimeout(this.following);
    this.following = setTimeout(() => this.update(true), 80);
  }

  entry(engine, pattern) {
    if (!pattern) {
      const limit = Math.min(...this.sample.engines.map(own => own.debye.limit));
      return { note: `only up to ${fixed(limit, 0)} nm` };
    }
    if (this.scan) {
      const fit = compareWith(this.scan, pattern, this.order);
      const difference = fit.total.map((y, i) => (this.scan.y[i] - y) / this.scan.sigma[i]);
      return { curve: fit.total, background: fit.background, difference, note: `Rwp ${fixed(100 * fit.rwp, 2)} %`, rwp: fit.rwp, pinned: null };
    }
    const scaled = y => {
      if (this.scale === "cell") return y;
      const top = y.reduce((most, v) => Math.max(most, v), 0) || 1;
      return y.map(v => 100 * v / top);
    };
    const pinned = this.pins?.[engine];
    return { curve: scaled(pattern), pinned: pinned && pinned.length === pattern.length ? scaled(pinned) : null };
  }

  showAgreement(curves) {
    for (const engine of ["bragg", "debye"]) {
      this.find(`rwp-${engine}`).textContent = curves[engine].rwp === undefined ? "–" : `${fixed(100 * curves[engine].rwp, 2)} %`;
    }
  }

  /** Keep the curves as they are, to compare with what comes. */
  pin() {
    this.pins = this.pins ? null : { ...this.computed };
    this.find("pin").setAttribute("aria-pressed", Boolean(this.pins));
    this.changed();
  }

  listen() {
    const { find } = this;
    find("views").addEventListener("change", event => {
      this.view = event.target.value;
      this.build();
    });
    find("scales").addEventListener("change", event => {
      this.scale = event.target.value;
      this.build();
    });
    find("phase").addEventListener("change", event => {
      this.showPhase(Number(event.target.value));
      this.changed();
    });
    find("pin").addEventListener("click", () => this.pin());
    find("all").addEventListener("click", () => this.plots.zoom(null));
    find("theme").addEventListener("click", () => this.nextTheme());
    find("projector").addEventListener("click", () => this.project());
    find("help").addEventListener("click", () => find("about").showModal());
    find("save").addEventListener("click", () => this.save());
    find("copy").addEventListener("click", () => {
      find("command").select();
      document.execCommand("copy");
      find("copied").textContent = "copied";
      setTimeout(() => (find("copied").textContent = ""), 2000);
    });
    this.listenToFiles();
    document.addEventListener("keydown", event => this.onKey(event));
    new ResizeObserver(() => this.resized()).observe(find("plots"));
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.restyle());
  }

  listenToFiles() {
    const { find } = this;
    find("file").addEventListener("change", event => event.target.files[0] && this.load(event.target.files[0]));
    find("drop-scan").addEventListener("click", () => this.setScan(null));
    find("axis").addEventListener("change", () => this.tryScan(() => this.rawScan));
    find("order").addEventListener("input", event => {
      this.order = Number(event.target.value);
      find("order-value").textContent = this.order;
      this.changed();
    });
    document.addEventListener("dragover", event => {
      event.preventDefault();
      document.body.classList.add("dropping");
    });
    document.addEventListener("dragleave", event => event.relatedTarget === null && document.body.classList.remove("dropping"));
    document.addEventListener("drop", event => {
      event.preventDefault();
      document.body.classList.remove("dropping");
      if (event.dataTransfer.files[0]) this.load(event.dataTransfer.files[0]);
    });
  }

  /** Read a file that the reader gave. */
  async load(file) {
    const text = file.size > SCAN_BYTES ? "" : await file.text();
    this.tryScan(() => {
      if (file.size > SCAN_BYTES) throw new Error(`${file.name}: ${Math.round(file.size / 1e6)} MB are too many; up to ${SCAN_BYTES / 1e6} MB are read`);
      return readScan(text, file.name);
    });
    this.find("file").value = "";
  }

  /** Take a scan; one that cannot be used leaves the page as it is, with a message. */
  tryScan(read) {
    try {
      this.setScan(read());
    } catch (error) {
      this.find("scan-message").textContent = error.message;
      this.find("scan-message").classList.add("bad");
      this.find("extras").scrollIntoView({ block: "nearest" });
    }
  }

  setScan(raw) {
    const { find } = this;
    const axis = find("axis").value;
    const scan = raw && onAngles(raw, axis, this.sample.wavelength);
    this.rawScan = raw;
    this.scanWavelength = scan && axis === "q" ? this.sample.wavelength : null;
    this.scan = scan;
    this.grid = scan ? scan.x : this.ownGrid;
    this.pins = null;
    find("pin").setAttribute("aria-pressed", false);
    this.plots.range = null;
    find("scan-panel").classList.toggle("loaded", Boolean(scan));
    find("scan-message").classList.remove("bad");
    find("scan-message").textContent = scan
      ? `${scan.name}: ${scan.x.length} points, ${fixed(scan.x[0], 2)}° to ${fixed(scan.x[scan.x.length - 1], 2)}°, errors ${scan.hasErrors ? "from the third column" : "of counting"}${scan.thinned > 1 ? `, every ${scan.thinned}th point` : ""}.`
      : "";
    this.build();
  }

  onKey(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input:not([type=range]):not([type=checkbox]):not([type=radio]), select, dialog")) return;
    const buttons = [...this.find("states").querySelectorAll("button")];
    const act = { o: () => this.setView(this.view === "overlay" ? "both" : "overlay"), p: () => this.pin(), d: () => this.nextTheme(), l: () => this.project(), "?": () => this.find("about").showModal() }[event.key]
      ?? (/^[1-9]$/.test(event.key) && buttons[Number(event.key)] ? () => buttons[Number(event.key)].click() : null);
    if (act) act();
  }

  setView(view) {
    this.find("views").querySelector(`[value=${view}]`).checked = true;
    this.view = view;
    this.build();
  }

  nextTheme() {
    const root = document.documentElement, dark = matchMedia("(prefers-color-scheme: dark)").matches;
    const now = root.dataset.theme ?? (dark ? "dark" : "light");
    root.dataset.theme = now === "dark" ? "light" : "dark";
    this.restyle();
  }

  project() {
    const on = document.documentElement.classList.toggle("projector");
    this.find("projector").setAttribute("aria-pressed", on);
    this.restyle();
  }

  restyle() {
    theme.read();
    this.build();
  }

  resized() {
    this.plots.resize();
    this.changed();
  }

  save() {
    const names = ["bragg", "debye"].filter(engine => this.computed[engine]);
    const rows = Array.from(this.grid, (x, i) => [x, ...names.map(name => this.computed[name][i])].join(","));
    download("patterns.csv", [["two_theta", ...names].join(","), ...rows, ""].join("\n"));
  }

  /** Compare with what the package computed when it wrote the page. */
  check() {
    const worst = {};
    this.samples.forEach(sample => {
      for (const [engine, packed] of Object.entries(sample.model.check)) {
        const known = unpack(packed, Float64Array), mine = sample.pattern(engine, this.ownGrid);
        if (!mine) continue;
        const top = known.reduce((most, y) => Math.max(most, Math.abs(y)), 0) || 1;
        const every = this.data.check_every;
        const off = known.reduce((most, y, i) => Math.max(most, Math.abs(y - mine[i * every]) / top), 0);
        worst[engine] = Math.max(worst[engine] ?? 0, Number.isFinite(off) ? off : Infinity);
      }
    });
    const bad = Object.values(worst).some(off => off > 1e-4);
    const text = Object.entries(worst).map(([engine, off]) => `${engine === "bragg" ? "Bragg" : "Debye"} ${off.toExponential(0).replace("-", "−")}`).join(", ");
    const place = this.find("agreement");
    place.classList.toggle("bad", bad);
    place.textContent = bad
      ? `Careful: this page's curves differ from the package's (${text} of the maximum). The model uses something that the page does not know.`
      : `Checked at opening against the package's own curves: largest difference ${text} of the maximum.`;
    this.agreement = worst;
  }
}

const page = new Page(JSON.parse(document.getElementById("data").textContent));

/** For those who drive the page from a script, and for its tests. */
window.xrdfitExplore = {
  page,
  get values() { return { ...page.sample.values }; },
  get grid() { return Array.from(page.grid); },
  /** Largest differences from the package's own curves, by engine; undefined until they were compared. */
  get agreement() { return page.agreement; },
  set: values => page.sample.set(values),
  setRadiation: wanted => page.sample.setRadiation(wanted),
  setAnomalous: on => (page.sample.anomalous = on),
  curve: engine => { const y = page.sample.pattern(engine, page.grid); return y && Array.from(y); },
  /** Draw now; how long it took until all is on the canvas, ms. */
  async update() {
    const start = performance.now();
    page.update(true);
    await Promise.resolve();
    await Promise.resolve();
    return performance.now() - start;
  },
};
