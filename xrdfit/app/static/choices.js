// What is asked for, as words of a command line, and the way back to what was asked for before.

/** Options that can be added here: how many values, whether several times, and what to write. */
const FLAGS = {
  "--total": { values: 1, repeat: true, hint: "Cu=8 exactly, or with an error: Cu=7.6(4), Cu/Se=1.9(1)", names: false },
  "--vary": { values: 1, repeat: true, hint: "a name or a pattern, such as b_*", names: true },
  "--fix": { values: 1, repeat: true, hint: "a name, or NAME=VALUE", names: true },
  "--start": { values: 1, repeat: true, hint: "NAME=VALUE, such as size_nm=4", names: true },
  "--restrain": { values: 1, repeat: true, hint: "NAME=VALUE(ERROR), such as a=5.85(1)", names: true },
  "--tie": { values: 1, repeat: true, hint: "NAME = EXPRESSION, such as b_Cu_8c = b_Cu_32f", names: true },
  "--limits": { values: 1, repeat: true, hint: "NAME=LOW:HIGH", names: true },
  "--background": { values: 1, hint: "order of the Chebyshev polynomial, 0 to 30" },
  "--hump": { values: 1, repeat: true, hint: "2θ of a broad hump, and its width if known: 19.8 6; auto: where the scan asks for one" },
  "--guided": { values: 0, hint: "add what the scan asks for, step by step, as long as it pays" },
  "--air": { values: 0, hint: "scattering by air" },
  "--film": { values: 0, hint: "a film that the beam passes through" },
  "--b-per-element": { values: 0, hint: "one displacement parameter an element" },
  "--range": { values: 2, hint: "two angles; or drag on the plot" },
  "--exclude": { values: 2, repeat: true, hint: "two angles; or drag on the plot" },
  "--radiation": { values: 1, hint: "cu-ka, cu-ka1, mo-ka …, or a wavelength in Å" },
  "--monochromator": { values: 1, hint: "2θ of the monochromator, 26.6 for graphite" },
  "--radius": { values: 1, hint: "goniometer radius, mm" },
  "--instrument": { values: 1, hint: "name of an instrument file that was dropped here" },
  "--capillary": { values: 1, hint: "absorption × radius of a capillary" },
  "--polarization": { values: 1, hint: "polarized share of the beam; a tube has 0.5" },
  "--kbeta": { values: 1, hint: "weight of Kβ relative to Kα" },
  "--texture": { values: 3, hint: "H K L: axis of preferred orientation" },
  "--anisotropic": { values: 3, hint: "H K L: axis of platelets or needles" },
  "--particle": { values: 1, repeat: true, hint: "PHASE=MICRON: diameter of its grains", names: false },
  "--standard": { values: 1, hint: "PHASE=PERCENT of a standard in the mixture; the rest is amorphous" },
  "--weights": { values: 1, hint: "y_calc, y_obs or none" },
  "--no-usual": { values: 0, hint: "add nothing that is usual for a diffractometer" },
  "--no-anomalous": { values: 0, hint: "leave f′ and f″ out" },
  "--axis": { values: 1, hint: "what the first column is: two_theta, two_theta_rad, q, q_nm" },
  "--columns": { values: 1, hint: "1,2,3: columns of axis, intensity and error" },
  "--scan": { values: 1, hint: "which scan of a file, from 0" },
  "--own": { values: 1, repeat: true, hint: "what each of several scans has for itself", names: true },
  "--packing": { values: 0, hint: "keep the model's packing rule" },
};

/** Words of one option from what was typed. */
function optionOf(flag, text) {
  const { values } = FLAGS[flag] ?? { values: 1 };
  if (values === 0) return [flag];
  if (flag === "--hump") return [flag, text.trim().replace(/[\s,]+/, ",")];
  return values === 1 ? [flag, text.trim()] : [flag, ...text.trim().split(/[\s,]+/)];
}

class Choices {
  constructor(changed) {
    this.changed = changed;
    this.now = { scans: [], blank: "", model: "", phases: [], engine: "auto", options: [] };
    this.past = [];
    this.future = [];
  }

  /** Change something, so that it can be undone. */
  set(change) {
    const next = { ...this.now, ...change };
    if (JSON.stringify(next) === JSON.stringify(this.now)) return;
    this.past.push(this.now);
    this.future = [];
    this.now = next;
    this.changed();
  }

  /** Add an option; one that can stand once only takes the place of the one before. */
  add(words) {
    const [flag] = words, once = !FLAGS[flag]?.repeat;
    const same = option => JSON.stringify(option) === JSON.stringify(words);
    if (flag === "--blank") return this.set({ blank: words[1] });
    if (flag === "--phase") return this.set({ phases: [...this.now.phases, words[1]] });
    if (flag === "--engine") return this.set({ engine: words[1] });
    this.set({ options: [...this.now.options.filter(option => !(once && option[0] === flag) && !same(option)), words] });
  }

  /** Add what stands in words of a command line: options with their values. */
  addAll(words) {
    const options = [];
    for (const word of words) {
      if (word.startsWith("--")) options.push([word]);
      else options[options.length - 1]?.push(word);
    }
    const before = this.now, past = [...this.past];
    options.forEach(option => {
      // several names behind one flag are several options
      if (option[0] === "--hump") this.add([option[0], option.slice(1).join(",")]);
      else if (FLAGS[option[0]]?.values === 1 && option.length > 2) option.slice(1).forEach(value => this.add([option[0], value]));
      else this.add(option);
    });
    if (this.now !== before) this.past = [...past, before]; // one step back, not several
    this.changed();
  }

  remove(index) {
    this.set({ options: this.now.options.filter((_, i) => i !== index) });
  }

  undo() {
    if (!this.past.length) return;
    this.future.push(this.now);
    this.now = this.past.pop();
    this.changed();
  }

  redo() {
    if (!this.future.length) return;
    this.past.push(this.now);
    this.now = this.future.pop();
    this.changed();
  }

  words() {
    const { scans, blank, model, phases, engine, options } = this.now;
    return [
      ...scans, ...(model ? ["--model", model] : []), ...phases.flatMap(phase => ["--phase", phase]),
      "--engine", engine, ...(blank ? ["--blank", blank] : []), ...options.flat(),
    ];
  }

  /** Stretches that the options leave out of a scan from `first` to `last`. */
  leftOut(first, last) {
    const numbers = option => option.slice(1).map(Number);
    const found = this.now.options.filter(([flag]) => flag === "--exclude").map(numbers);
    const range = this.now.options.find(([flag]) => flag === "--range");
    if (range) {
      const [low, high] = numbers(range);
      if (low > first) found.push([first, low]);
      if (high < last) found.push([high, last]);
    }
    return found.filter(pair => pair.length === 2 && pair.every(Number.isFinite));
  }
}
