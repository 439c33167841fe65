// report.html: a picture for every scan.

const reported = JSON.parse(document.getElementById("data").textContent);
window.xrdfitReport = reported.map(scan => {
  const plot = new FitPlot(document.getElementById(scan.place));
  plot.show(scan);
  return plot;
});
