// Small helpers for building the page.

const find = id => document.getElementById(id);

/** An element with properties, listeners (onclick …), attributes and children. */
function make(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "class") element.className = value;
    else if (name in element && name !== "list") element[name] = value;
    else element.setAttribute(name, value);
  }
  element.append(...children.filter(child => child !== null && child !== undefined));
  return element;
}

/** A table of texts. */
function tableOf({ columns, rows }, kind = "") {
  const head = columns?.length ? [make("thead", {}, make("tr", {}, ...columns.map(text => make("th", {}, text))))] : [];
  const body = make("tbody", {}, ...rows.map(row => make("tr", {}, ...row.map(text => make("td", {}, text)))));
  return make("div", { class: "wide" }, make("table", { class: kind }, ...head, body));
}

/** Say what went wrong, or nothing. */
function say(text = "") {
  find("message").hidden = !text;
  find("message").textContent = text;
}

/** Give the browser a file to keep. */
function keep(name, blob) {
  const link = make("a", { href: URL.createObjectURL(blob), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 2000);
}

/** A button that copies a text. */
function copyButton(text) {
  const button = make("button", { type: "button", onclick: async () => {
    try {
      await navigator.clipboard.writeText(text);
      button.textContent = "copied";
    } catch {
      button.textContent = "select and copy by hand";
    }
    setTimeout(() => (button.textContent = "copy"), 1500);
  } }, "copy");
  return button;
}
