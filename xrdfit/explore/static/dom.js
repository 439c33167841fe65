// Small helpers for building the page.

/** An element with properties, listeners (onclick …), attributes and children. */
function make(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "class") element.className = value;
    else if (name === "style") Object.entries(value).forEach(([key, v]) => element.style.setProperty(key, v));
    else if (name in element && !name.startsWith("aria-")) element[name] = value;
    else element.setAttribute(name, value);
  }
  element.append(...children.filter(child => child !== null && child !== undefined));
  return element;
}

/** A canvas's drawing context, cleared and scaled to the screen's pixels; null while it is not shown. */
function freshCanvas(canvas) {
  const { clientWidth: width, clientHeight: height } = canvas;
  if (!width || !height) return null;
  const ratio = window.devicePixelRatio || 1;
  if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
  }
  const context = canvas.getContext("2d");
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
  return { context, width, height };
}

/** Colours and sizes that the style sheet gives; read again when the theme changes. */
const theme = {
  read() {
    const style = getComputedStyle(document.documentElement);
    const value = name => style.getPropertyValue(name).trim();
    this.text = value("--text");
    this.soft = value("--soft");
    this.line = value("--line");
    this.edge = value("--edge");
    this.panel = value("--panel");
    this.bragg = value("--bragg");
    this.debye = value("--debye");
    this.scan = value("--scan");
    this.pin = value("--pin");
    this.scale = parseFloat(style.fontSize) / 16;
    this.sites = [0, 1, 2, 3, 4, 5, 6, 7].map(i => value(`--site-${i}`));
    this.font = size => `${Math.round(size * this.scale)}px system-ui, sans-serif`;
  },
  site(i) {
    return this.sites[i % this.sites.length];
  },
};

/** A number with so many decimals, with a real minus sign. */
const fixed = (value, decimals) => value.toFixed(decimals).replace("-", "−");

/** "Cu 8c" from "Cu_8c". */
const siteName = site => site.label.replaceAll("_", " ");

/** Save text as a file. */
function download(name, text) {
  const link = make("a", { href: URL.createObjectURL(new Blob([text], { type: "text/csv" })), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}
