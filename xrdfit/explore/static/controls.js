// Sliders. Each knows how to read and to set one quantity; `refresh` brings it up to date.

/** A slider with a number beside it: {label, min, max, step, log, decimals, unit, get, set, hint}. */
function slider(spec) {
  const forward = spec.log ? Math.log10 : x => x, back = spec.log ? x => Number((10 ** x).toPrecision(3)) : x => x;
  const id = `in-${slider.count = (slider.count ?? 0) + 1}`;
  const range = make("input", {
    type: "range", id, min: forward(spec.min), max: forward(spec.max), step: spec.log ? 0.002 : spec.step,
    "aria-label": spec.name ?? spec.label, title: spec.hint ?? "",
    oninput: () => spec.set(back(Number(range.value))),
    onchange: () => spec.done?.(),
  });
  const number = make("input", {
    type: "number", step: "any", "aria-label": `${spec.name ?? spec.label}, number`,
    onchange: () => {
      const wanted = Number(number.value);
      if (number.value.trim() !== "" && Number.isFinite(wanted)) spec.set(Math.min(Math.max(wanted, spec.least ?? spec.min), spec.most ?? spec.max));
      spec.done?.();
      refresh();
    },
  });
  const extra = make("span", { class: "extra" });
  const label = make("label", { htmlFor: id, title: spec.hint ?? "" }, spec.chip ? make("span", { class: "chip", style: { background: `var(--site-${spec.chip - 1})` } }) : null, spec.label);
  const element = make("div", { class: "row" }, label, range, number, extra, spec.button ?? null);
  const refresh = () => {
    const value = spec.get();
    range.value = forward(value);
    range.setAttribute("aria-valuetext", `${fixed(value, spec.decimals)} ${spec.unit ?? ""} ${spec.extra?.() ?? ""}`.trim());
    if (document.activeElement !== number) number.value = Number(value.toFixed(spec.decimals));
    extra.textContent = spec.extra ? spec.extra() : spec.unit ?? "";
    range.disabled = number.disabled = Boolean(spec.disabled?.());
  };
  return { element, refresh };
}

/** A tick box. */
function toggle(text, get, set, hint = "") {
  const box = make("input", { type: "checkbox", onchange: () => set(box.checked) });
  const element = make("label", { class: "toggle", title: hint }, box, text);
  return { element, refresh: () => (box.checked = get()) };
}

function group(title, open, ...children) {
  return make("details", { open, class: "group" }, make("summary", {}, title), ...children);
}

/** All controls of a sample; `changed` is called after every move. */
function buildControls(host, sample, changed) {
  const controls = [];
  const add = control => (controls.push(control), control.element);
  host.replaceChildren();
  for (const { phase } of sample.engines) {
    const title = sample.engines.length > 1 ? `Sites of ${phase.name}` : "Sites";
    host.append(group(title, true, ...siteControls(sample, phase, add, changed)));
    host.append(group(sample.engines.length > 1 ? `Size and cell of ${phase.name}` : "Size and cell", true, ...phaseControls(sample, phase, add, changed)));
    host.append(group(sample.engines.length > 1 ? `Displacement B of ${phase.name}` : "Displacement B", phase === sample.model.phases[0], ...displacementControls(sample, phase, add, changed)));
  }
  host.append(group("Radiation", true, ...radiationControls(sample, add, changed)));
  const rest = sample.engines.flatMap(({ phase }) => coordinateControls(sample, phase, add, changed));
  host.append(group("Line shape, shifts and coordinates", false, ...shapeControls(sample, add, changed), ...rest));
  return () => controls.forEach(control => control.refresh());
}

/** A slider for one of the model's parameters. */
function parameter(sample, name, changed, spec) {
  const row = sample.model.rows.find(one => one.name === name);
  return slider({
    hint: row.text, unit: row.unit, ...spec, name: row.text,
    get: () => sample.values[name],
    set: value => {
      sample.set({ [name]: value });
      changed();
    },
    disabled: () => sample.tied.has(name),
  });
}

function siteControls(sample, phase, add, changed) {
  const elements = [...new Set(phase.sites.map(site => site.element))];
  return elements.map(element => {
    const head = make("div", { class: "element" });
    const total = make("output", {});
    head.append(make("strong", {}, element), total);
    const sites = phase.sites.filter(site => site.element === element);
    if (sites.length > 1) {
      head.append(add(toggle("hold", () => sample.holds(phase, element) !== undefined, on => {
        sample.hold(phase, element, on);
        changed();
      }, `Keep the number of ${element} atoms: the other sites make up for a move, within 0 and 1`)));
    }
    add({ element: head, refresh: () => (total.textContent = `${fixed(sample.total(phase, element), 3)} per cell`) });
    return make("fieldset", {}, make("legend", { class: "hidden" }, `Occupancies of ${element}`), head, ...sites.map(site => add(siteSlider(sample, phase, site, changed))));
  });
}

function siteSlider(sample, phase, site, changed) {
  const pin = make("button", {
    type: "button", class: "pin", textContent: "fix",
    title: `Leave ${siteName(site)} where it is while others make up the total`,
    onclick: () => {
      if (!sample.pinned.delete(site.label)) sample.pinned.add(site.label);
      changed();
    },
  });
  const own = slider({
    label: siteName(site), name: `Occupancy of ${siteName(site)}`, chip: 1 + phase.sites.indexOf(site) % 8, button: pin,
    min: 0, max: 1, step: 0.001, decimals: 4, hint: `${site.multiplicity} positions per cell, ${phase.spaceGroup}`,
    get: () => occupancyOf(phase, site, sample.values),
    set: value => {
      sample.moveOccupancy(phase, site, value);
      changed();
    },
    done: () => (sample.base = null),
    extra: () => `${fixed(site.multiplicity * occupancyOf(phase, site, sample.values), 2)} at`,
    disabled: () => sample.tied.has(`${phase.prefix}occ_${site.label}`),
  });
  return {
    element: own.element,
    refresh: () => {
      own.refresh();
      pin.hidden = sample.holds(phase, site.element) === undefined;
      pin.setAttribute("aria-pressed", sample.pinned.has(site.label));
    },
  };
}

function phaseControls(sample, phase, add, changed) {
  const p = name => phase.prefix + name;
  const size = sample.values[p("size_nm")];
  const rows = [add(parameter(sample, p("size_nm"), changed, { label: "size", min: 0.8, max: Math.max(30, 2 * size), log: true, decimals: 3, least: 0.5, most: 1000 }))];
  for (const name of phase.cell_names) {
    const value = sample.values[p(name)], angle = name.length > 1, span = angle ? 5 : 0.05 * value;
    rows.push(add(parameter(sample, p(name), changed, { label: { alpha: "α", beta: "β", gamma: "γ" }[name] ?? name, min: value - span, max: value + span, step: angle ? 0.01 : 0.001, decimals: 4 })));
  }
  if (sample.engines.length > 1) {
    rows.unshift(add(parameter(sample, p("scale"), changed, { label: "scale", min: 0, max: 2, most: 1e6, step: 0.01, decimals: 4, hint: "scale, per unit cell" })));
  }
  return rows;
}

function displacementControls(sample, phase, add, changed) {
  const elements = [...new Set(phase.sites.map(site => site.element))];
  const limits = { min: -1, max: 8, step: 0.05, least: -2, most: 20, decimals: 3 };
  return [
    add(parameter(sample, `${phase.prefix}b_overall`, changed, { label: "B of all", ...limits })),
    ...elements.map(element => add(slider({
      label: `B of ${element}`, name: `B of ${element}, beside that of all`, unit: "Å²", ...limits,
      hint: `Own displacement parameter of ${element}, added to B of all`,
      get: () => sample.elementB(phase, element),
      set: value => {
        sample.setElementB(phase, element, value);
        changed();
      },
    }))),
  ];
}

function radiationControls(sample, add, changed) {
  const { page, model } = sample;
  const own = page.tubes.some(tube => tube.name === model.radiation.name) ? [] : [model.radiation];
  const choice = make("select", { "aria-label": "Radiation", onchange: () => {
    sample.setRadiation(choice.value === "" ? sample.wavelength : choice.value);
    changed();
  } }, ...[...own, ...page.tubes].map(rays => make("option", { value: rays.name }, rays.title)), make("option", { value: "" }, "one wavelength"));
  const least = Math.max(...model.phases.map(phase => phase.least_wavelength), page.wavelengths.first);
  const { first, step, count } = page.wavelengths;
  const start = first + step * Math.ceil((least - first) / step - 1e-9);
  return [
    add({ element: make("div", { class: "row" }, make("label", {}, "lines"), choice), refresh: () => {
      choice.value = [...own, ...page.tubes].some(rays => rays.name === sample.radiation.name) ? sample.radiation.name : "";
    } }),
    add(slider({
      label: "λ", name: "Wavelength", unit: "Å", min: start, max: first + step * (count - 1), step, decimals: 4,
      hint: "One wavelength, in steps for which f′ and f″ are known",
      get: () => sample.wavelength,
      set: value => {
        sample.setRadiation(value);
        changed();
      },
    })),
    add(toggle("f′ and f″ (anomalous scattering)", () => sample.anomalous, on => {
      sample.anomalous = on;
      changed();
    })),
  ];
}

function shapeControls(sample, add, changed) {
  const rows = [];
  const offer = (name, spec) => {
    if (name in sample.values) rows.push(add(parameter(sample, name, changed, spec)));
  };
  for (const { phase } of sample.engines) {
    const p = name => phase.prefix + name, of = sample.engines.length > 1 ? ` ${phase.name}` : "";
    offer(p("mixing"), { label: `Lorentz${of}`, min: 0, max: 1, step: 0.01, decimals: 3 });
    offer(p("size_sigma"), { label: `σ(ln D)${of}`, min: 0, max: 0.5, step: 0.01, decimals: 3 });
    offer(p("microstrain"), { label: `strain${of}`, min: 0, max: 0.03, step: 0.0005, decimals: 5 });
    offer(p("march_r"), { label: `March r${of}`, min: 0.2, max: 2, step: 0.01, decimals: 3 });
  }
  offer("zero_deg", { label: "zero", min: -0.5, max: 0.5, step: 0.005, decimals: 4 });
  offer("displacement_mm", { label: "displaced", min: -0.5, max: 0.5, step: 0.005, decimals: 4 });
  offer("mu_t", { label: "film µt", min: 0.01, max: 10, log: true, decimals: 4 });
  return rows;
}

function coordinateControls(sample, phase, add, changed) {
  const names = [...new Set(phase.sites.flatMap(site => site.free))];
  return names.map(name => {
    const value = sample.values[phase.prefix + name], [axis, ...label] = name.split("_");
    return add(parameter(sample, phase.prefix + name, changed, { label: `${axis} ${label.join(" ")}`, min: value - 0.05, max: value + 0.05, step: 0.001, decimals: 5 }));
  });
}
