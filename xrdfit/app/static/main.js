// The page: files, model, options, plot, fits.

class App {
  constructor(data) {
    this.data = data;
    this.server = new Server();
    this.choices = new Choices(() => this.refresh());
    this.files = new Map(); // name → {kind: "scan" | "model" | "instrument", points}
    this.fits = [];
    this.made = new Set(); // fits whose files are written
    this.plot = new FitPlot(find("plot"), { act: (kind, low, high) => this.onPlot(kind, low, high) });
    this.listen();
  }

  async start() {
    await this.server.begin();
    find("version").textContent = `xrdfit ${this.data.version}`;
    find("flag").replaceChildren(...Object.keys(FLAGS).map(flag => make("option", {}, flag)));
    this.onFlag();
    this.refresh();
  }

  listen() {
    const on = (id, event, act) => find(id).addEventListener(event, act);
    on("fit", "click", () => this.fit());
    on("cancel", "click", () => this.cancel());
    on("undo", "click", () => this.choices.undo());
    on("redo", "click", () => this.choices.redo());
    on("open", "change", event => this.take([...event.target.files]).then(() => (event.target.value = "")));
    on("model", "change", event => this.choices.set({ model: event.target.value }));
    on("engine", "change", event => this.choices.set({ engine: event.target.value }));
    on("add-phase", "click", () => this.choices.set({ phases: [...this.choices.now.phases, this.modelNames()[0]] }));
    on("flag", "change", () => this.onFlag());
    on("add", "submit", event => this.onAdd(event));
    on("shown", "change", () => this.draw());
    on("compare-form", "submit", event => this.ask(event, "compare"));
    on("identify-form", "submit", event => this.ask(event, "identify"));
    on("series-form", "submit", event => this.fitSeries(event));
    find("modes").querySelectorAll("button").forEach(button => button.addEventListener("click", () => this.setMode(button.dataset.mode)));
    const tabs = [...document.querySelectorAll("[role=tab]")];
    tabs.forEach((tab, k) => {
      tab.addEventListener("click", () => this.openTab(tab));
      tab.addEventListener("keydown", event => {
        const next = tabs[k + { ArrowRight: 1, ArrowLeft: -1 }[event.key]];
        if (next) {
          this.openTab(next);
          next.focus();
        }
      });
    });
    let depth = 0;
    const dropping = change => document.body.classList.toggle("dropping", (depth += change) > 0);
    addEventListener("dragenter", event => event.dataTransfer?.types.includes("Files") && dropping(1));
    addEventListener("dragleave", event => event.dataTransfer?.types.includes("Files") && dropping(-1));
    addEventListener("dragover", event => event.preventDefault());
    addEventListener("drop", event => {
      event.preventDefault();
      dropping(-depth);
      this.take([...event.dataTransfer.files]);
    });
    addEventListener("keydown", event => {
      if (!(event.ctrlKey || event.metaKey)) return;
      const typing = /^(INPUT|TEXTAREA)$/.test(event.target.tagName);
      const act = { Enter: () => this.fit(), z: typing ? null : () => this.choices.undo(), y: typing ? null : () => this.choices.redo() }[event.key];
      if (!act) return;
      event.preventDefault();
      act();
    });
  }

  /** Take files that were dropped or opened, one after the other. */
  async take(files) {
    say();
    const troubles = [];
    for (const file of files) {
      try {
        await this.server.upload(file, this.data.most);
        await this.learn(file.name);
      } catch (error) {
        troubles.push(error.message.includes(file.name) ? error.message : `${file.name}: ${error.message}`);
      }
    }
    say(troubles.join(" · "));
  }

  /** Find out what an uploaded file is, and give it its place. */
  async learn(name) {
    const { now } = this.choices;
    const ending = name.toLowerCase().split(".").pop();
    let scanTrouble = null;
    if (ending !== "toml") {
      try {
        const points = await this.server.run({ kind: "scan", file: name });
        this.files.set(name, { kind: "scan", points });
        const blank = /blank|empty|leer|holder|substrat|background|untergrund/i.test(name);
        if (now.scans.includes(name) || now.blank === name) this.refresh();
        else if (blank && !now.blank) this.choices.set({ blank: name });
        else if (!now.scans.length) this.choices.set({ scans: [name] });
        else this.refresh();
        return;
      } catch (error) {
        scanTrouble = error;
      }
    }
    if (["cif", "toml", "txt", "mcif"].includes(ending)) {
      try {
        await this.server.run({ kind: "model", models: [name] });
        this.files.set(name, { kind: "model" });
        this.choices.set({ model: name });
        return;
      } catch (error) {
        if (ending === "toml" && /instrument/.test(error.message)) {
          this.files.set(name, { kind: "instrument" });
          this.choices.add(["--instrument", name]);
          return;
        }
        if (ending !== "txt") scanTrouble = error;
      }
    }
    await this.server.ask("DELETE", `/api/files?name=${encodeURIComponent(name)}`);
    throw scanTrouble;
  }

  async drop(name) {
    const { now } = this.choices;
    this.files.delete(name);
    await this.server.ask("DELETE", `/api/files?name=${encodeURIComponent(name)}`).catch(error => say(error.message));
    this.choices.set({
      scans: now.scans.filter(scan => scan !== name), blank: now.blank === name ? "" : now.blank,
      model: now.model === name ? "" : now.model, phases: now.phases.filter(phase => phase !== name),
    });
    this.refresh();
  }

  setRole(name, role) {
    const { now } = this.choices;
    const scans = now.scans.filter(scan => scan !== name);
    if (role === "scan") this.choices.set({ scans: [name], blank: now.blank === name ? "" : now.blank });
    else if (role === "also") this.choices.set({ scans: [...scans, name], blank: now.blank === name ? "" : now.blank });
    else if (role === "blank") this.choices.set({ scans, blank: name });
    else this.choices.set({ scans, blank: now.blank === name ? "" : now.blank });
  }

  modelNames() {
    return [...[...this.files].filter(([, file]) => file.kind === "model").map(([name]) => name), ...this.data.presets];
  }

  /** Something was chosen: show it. */
  refresh() {
    const { now, past, future } = this.choices;
    find("undo").disabled = !past.length;
    find("redo").disabled = !future.length;
    find("no-files").hidden = this.files.size > 0;
    find("files").replaceChildren(...[...this.files].map(([name, file]) => this.fileRow(name, file)));
    const options = chosen => [...(chosen ? [] : [make("option", { value: "" }, "choose …")]), ...this.modelNames().map(name => make("option", { value: name, selected: name === chosen }, name))];
    find("model").replaceChildren(...options(now.model));
    find("model").value = now.model;
    find("engine").value = now.engine;
    find("phases").replaceChildren(...now.phases.map((phase, k) => {
      const select = make("select", { "aria-label": `Phase ${k + 2}`, onchange: event => this.choices.set({ phases: now.phases.with(k, event.target.value) }) }, ...options(phase));
      const remove = make("button", { class: "x", type: "button", "aria-label": `Remove phase ${k + 2}`, onclick: () => this.choices.set({ phases: now.phases.filter((_, i) => i !== k) }) }, "×");
      return make("label", {}, "phase", select, remove);
    }));
    find("options").replaceChildren(...now.options.map((words, k) => make("li", {}, make("span", { class: "name", title: words.join(" ") }, words.join(" ")),
      make("button", { class: "x", type: "button", "aria-label": `Remove ${words.join(" ")}`, onclick: () => this.choices.remove(k) }, "×"))));
    const key = JSON.stringify(now);
    this.shownFit = this.fits.find(fit => fit.key === key) ?? this.shownFit;
    if (this.fits.some(fit => fit.key === key)) this.showFit(this.shownFit);
    this.showHistory();
    this.describeModel();
    this.draw();
  }

  fileRow(name, file) {
    const { now } = this.choices;
    const kinds = { model: "model", instrument: "instrument" };
    let role;
    if (file.kind === "scan") {
      const current = now.blank === name ? "blank" : now.scans.includes(name) ? (now.scans[0] === name ? "scan" : "also") : "unused";
      const roles = { scan: "scan", also: "also fitted", blank: "blank", unused: "not used" };
      role = make("select", { "aria-label": `Role of ${name}`, onchange: event => this.setRole(name, event.target.value) },
        ...Object.entries(roles).map(([value, text]) => make("option", { value, selected: value === current }, text)));
    } else role = make("span", { class: "small" }, kinds[file.kind]);
    return make("li", {}, make("span", { class: "name", title: name }, name), role,
      make("button", { class: "x", type: "button", "aria-label": `Remove ${name}`, onclick: () => this.drop(name) }, "×"));
  }

  /** Sites and names of the model that is chosen. */
  async describeModel() {
    const models = [this.choices.now.model, ...this.choices.now.phases], key = models.join("\n");
    if (key === this.described || !models[0]) return;
    this.described = key;
    try {
      const about = await this.server.run({ kind: "model", models });
      if (this.described !== key) return;
      const tables = about.phases.flatMap(phase => [make("p", { class: "small" }, `${phase.name}, ${phase.group}`), tableOf({ columns: ["Site", "Wyckoff", "Occupancy"], rows: phase.sites })]);
      find("model-about").replaceChildren(make("details", { open: about.phases.length === 1 && about.phases[0].sites.length < 8 }, make("summary", {}, "sites"), ...tables),
        ...about.notes.map(note => make("p", { class: "small" }, note)));
      find("names").replaceChildren(...about.parameters.map(({ name, text }) => make("option", { value: name }, text)));
    } catch (error) {
      say(error.message);
    }
  }

  onFlag() {
    const { values, hint, names } = FLAGS[find("flag").value];
    find("hint").textContent = hint;
    find("value").hidden = values === 0;
    if (names) find("value").setAttribute("list", "names");
    else find("value").removeAttribute("list");
  }

  onAdd(event) {
    event.preventDefault();
    const words = optionOf(find("flag").value, find("value").value);
    if (words.length < 2 + 0 && FLAGS[words[0]].values > 0) return;
    if (words.some(word => !word)) return say(`${words[0]}: ${FLAGS[words[0]].hint}`);
    this.choices.add(words);
    find("value").value = "";
  }

  setMode(mode) {
    this.plot.mode = mode;
    find("modes").querySelectorAll("button").forEach(button => button.setAttribute("aria-pressed", String(button.dataset.mode === mode)));
  }

  onPlot(kind, low, high) {
    const text = angle => String(Math.round(angle * 100) / 100);
    if (kind === "hump") this.choices.add(["--hump", text(low)]);
    else this.choices.add([`--${kind}`, text(low), text(high)]);
    this.setMode("zoom");
  }

  /** Draw the fit that is shown, else the scan; what the options leave out is grey. */
  draw() {
    const { now } = this.choices;
    const fit = this.shownFit?.choices.scans[0] === now.scans[0] ? this.shownFit : null;
    const raw = this.files.get(now.scans[0])?.points;
    find("empty").hidden = Boolean(fit || raw);
    find("plot").hidden = !(fit || raw);
    const labels = fit ? fit.answer.scans.map(scan => scan.label) : [];
    const shown = find("shown");
    shown.hidden = labels.length < 2;
    if (shown.dataset.labels !== labels.join("\n")) {
      shown.dataset.labels = labels.join("\n");
      shown.replaceChildren(...labels.map((label, k) => make("option", { value: k }, label)));
    }
    const data = fit ? fit.answer.scans[Number(shown.value) || 0] : raw;
    find("notes").replaceChildren(...(raw?.notes ?? []).map(note => make("p", {}, note)));
    if (!data) return;
    const { range } = raw ?? { range: [0, 180] };
    const excluded = labels.length > 1 ? data.excluded : this.choices.leftOut(...range);
    const key = JSON.stringify([fit?.number, now.scans[0], shown.value, excluded]);
    if (key === this.drawn) return;
    const same = this.drawnScan === now.scans[0];
    this.drawn = key;
    this.drawnScan = now.scans[0];
    this.plot.show({ ...data, excluded }, same);
  }

  /** Run what takes time, with progress and a way to end it. */
  async busy(task) {
    say();
    const [bar, text] = [find("progress").querySelector("progress"), find("progress").querySelector("span")];
    find("progress").hidden = false;
    bar.removeAttribute("value");
    text.textContent = "starting";
    const began = performance.now();
    try {
      return await this.server.run(task, (stage, part, job) => {
        this.running = job;
        text.textContent = `${stage}, ${((performance.now() - began) / 1000).toFixed(0)} s`;
        if (part === null || part === undefined) bar.removeAttribute("value");
        else bar.value = part;
      });
    } catch (error) {
      say(error.message);
      return null;
    } finally {
      this.running = null;
      find("progress").hidden = true;
    }
  }

  async cancel() {
    if (this.running) await this.server.cancel(this.running).catch(error => say(error.message));
  }

  async fit() {
    if (this.running) return;
    const choices = this.choices.now, words = this.choices.words();
    if (!choices.scans.length) return say("no scan: drop the file of a measured pattern on the page");
    if (!choices.model) return say("no model: choose a preset, or drop a CIF or a model file");
    find("fit").disabled = true;
    const answer = await this.busy({ kind: "fit", words });
    find("fit").disabled = false;
    if (!answer) return;
    const fit = { number: answer.number, answer, choices, key: JSON.stringify(choices) };
    this.fits = [...this.fits.filter(other => other.key !== fit.key), fit];
    this.shownFit = fit;
    this.drawn = null;
    this.showFit(fit);
    this.refresh();
    this.openTab(find("tab-result"));
    if (matchMedia("(max-width: 64rem)").matches) find("below").scrollIntoView({ behavior: "smooth" });
  }

  showFit(fit) {
    if (this.filled === fit) return;
    this.filled = fit;
    showResult(find("result"), fit.answer, words => {
      this.choices.addAll(words);
      this.fit();
    });
    showScript(find("script"), fit.answer, (number, name) => this.download(number, name));
  }

  showHistory() {
    find("no-fits").hidden = this.fits.length > 0;
    const key = JSON.stringify(this.choices.now);
    find("history").replaceChildren(...[...this.fits].reverse().map(fit => {
      const { answer, choices } = fit;
      const what = [choices.model, ...choices.phases, ...choices.options.map(words => words.join(" "))].join(", ");
      return make("li", {}, make("button", { type: "button", title: "Back to this fit and what it was asked", "aria-pressed": String(fit.key === key), onclick: () => this.choices.set(choices) },
        `${fit.number}: Rwp ${percentOf(answer.r_wp)}, χ² ${answer.chi2.toPrecision(3)}${answer.success ? "" : ", no answer"}`, make("span", { class: "small" }, what)));
    }));
  }

  async ask(event, kind) {
    event.preventDefault();
    if (this.running) return;
    const place = find(kind).querySelector(".found");
    place.replaceChildren();
    const answer = await this.busy({ kind, words: this.choices.words(), sites: find("sites").value });
    if (answer) showFindings(place, answer);
  }

  /** Fit every scan that is here, in the order of their names. */
  async fitSeries(event) {
    event.preventDefault();
    if (this.running) return;
    const { now } = this.choices;
    const names = [...this.files].filter(([name, file]) => file.kind === "scan" && name !== now.blank).map(([name]) => name);
    const scans = names.sort((a, b) => a.localeCompare(b, "en", { numeric: true }));
    if (!scans.length) return say("no scan: drop the files of measured patterns on the page");
    if (!now.model) return say("no model: choose a preset, or drop a CIF or a model file");
    const place = find("series").querySelector(".found");
    place.replaceChildren();
    const answer = await this.busy({ kind: "series", words: this.choices.words().slice(now.scans.length), scans, mode: find("mode").value });
    if (!answer) return;
    this.made.add(answer.number);
    showSeries(place, answer, (number, name) => this.download(number, name));
  }

  async download(number, name) {
    if (this.running) return;
    if (!this.made.has(number)) {
      if (!(await this.busy({ kind: "files", fit: number }))) return;
      this.made.add(number);
    }
    try {
      keep(name, await this.server.ask("GET", `/api/results/${number}/${name}`, undefined, true));
    } catch (error) {
      say(error.message);
    }
  }

  openTab(tab) {
    document.querySelectorAll("[role=tab]").forEach(other => {
      const open = other === tab;
      other.setAttribute("aria-selected", String(open));
      other.tabIndex = open ? 0 : -1;
      find(other.getAttribute("aria-controls")).hidden = !open;
    });
  }
}

const app = new App(JSON.parse(find("data").textContent));
window.xrdfitApp = app;
app.start().catch(error => say(error.message));
