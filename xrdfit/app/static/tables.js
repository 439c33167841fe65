// What a fit found, as the page shows it.

const percentOf = fraction => `${(100 * fraction).toPrecision(3)} %`;

/** Fill the place of the result. */
function showResult(place, answer, apply) {
  const parts = [make("div", { class: "headline" },
    make("b", {}, answer.name), make("span", {}, `Rwp ${percentOf(answer.r_wp)}`), make("span", {}, `χ² ${answer.chi2.toPrecision(3)}`),
    make("span", { class: answer.success ? "" : "bad" }, answer.success ? answer.message : `no answer: ${answer.message}`))];
  parts.push(tableOf(answer.sites), make("p", {}, `Atoms per cell: ${answer.composition}`));
  if (answer.warnings.length) parts.push(make("div", { class: "warnings" }, make("b", {}, "Warnings"), make("ul", {}, ...answer.warnings.map(text => make("li", {}, text)))));
  if (answer.steps.length) parts.push(make("h3", {}, "Added because the scan asked for it"), make("ul", {}, ...answer.steps.map(text => make("li", {}, text))));
  parts.push(make("h3", {}, "What the scan asks for"));
  if (answer.advice.length) {
    parts.push(make("ol", { class: "advice" }, ...answer.advice.map(({ text, options, alternatives }) => make("li", {},
      make("div", { class: "buttons" }, ...[options, ...alternatives].filter(words => words.length).map((words, k) =>
        make("button", { type: "button", title: "Apply this and fit again", onclick: () => apply(words) }, `${k ? "or " : "apply "}${words.join(" ")}`))),
      make("span", {}, text)))));
  } else parts.push(make("p", { class: "small" }, "Nothing beyond the model."));
  parts.push(make("h3", {}, "Parameters"), tableOf(answer.parameters));
  const more = (name, ...inside) => make("details", {}, make("summary", {}, name), ...inside);
  parts.push(more("Figures of merit", tableOf(answer.statistics)), more("Where it fits: the points that each phase dominates", tableOf(answer.regions)));
  parts.push(more("What was fitted", tableOf({ rows: answer.facts }, "about")));
  place.replaceChildren(...parts);
}

/** Fill the place of a comparison or of what a scan tells. */
function showFindings(place, answer) {
  place.replaceChildren(make("ul", {}, ...answer.summary.map((text, k) => make("li", {}, k ? text : make("b", {}, text)))), tableOf(answer.table),
    make("h3", {}, "The same on the command line"), make("pre", {}, answer.command), copyButton(answer.command));
}

/** Fill the place of a series. */
function showSeries(place, answer, download) {
  const pictures = Object.entries(answer.pictures).map(([name, png]) => make("img", { alt: name, src: `data:image/png;base64,${png}` }));
  place.replaceChildren(
    make("p", {}, make("b", {}, `${answer.scans} scans`), answer.failed.length ? `, ${answer.failed.length} without an answer` : ""),
    tableOf(answer.table), ...answer.failed.map(text => make("p", { class: "bad" }, text)), ...pictures,
    make("h3", {}, "The same on the command line ", copyButton(answer.command)), make("pre", {}, answer.command), make("h3", {}, "Files of the series"),
    make("div", { class: "downloads" }, ...answer.files.map(file => make("button", { type: "button", "data-file": file, onclick: () => download(answer.number, file) }, file))));
}

const OFFERED = {
  "everything.zip": "everything (.zip)", "result.json": "result.json", "report.html": "report.html", "refined.cif": "refined.cif", "fit.png": "fit.png",
  "parameters.csv": "parameters.csv", "pattern.nc": "pattern.nc", "fit.toml": "fit.toml", "table.tex": "table.tex", "table.md": "table.md", "table.docx": "table.docx",
};

/** Fill the place of script and files. */
function showScript(place, answer, download) {
  const name = `fit-${answer.number}.py`;
  place.replaceChildren(
    make("h3", {}, "Command line ", copyButton(answer.command)), make("pre", { id: "command" }, answer.command),
    make("h3", {}, "Python ", copyButton(answer.script), " ", make("button", { type: "button", onclick: () => keep(name, new Blob([answer.script], { type: "text/x-python" })) }, name)),
    make("pre", { id: "python" }, answer.script),
    make("p", { class: "small" }, "Both run in the folder of the files and find the same."),
    make("h3", {}, "Files of this fit"),
    make("div", { class: "downloads" }, ...Object.entries(OFFERED).map(([file, text]) => make("button", { type: "button", "data-file": file, onclick: () => download(answer.number, file) }, text))),
    make("p", { class: "small" }, "The first one takes some seconds: intervals and the report are computed then."));
}
