// Conveniences: the page works without any of this.
"use strict";

// A hidden tab does not repeat its requests.
document.addEventListener("htmx:before:request", (event) => {
  if (document.hidden) event.preventDefault();
});

// The key "/" leads to the first field of the filters.
document.addEventListener("keydown", (event) => {
  if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target.closest("input, select, textarea")) return;
  const field = document.querySelector(".filters input:not([type=hidden]), .filters select");
  if (field) { event.preventDefault(); field.focus(); }
});

// A field that is empty, or still has the value that the page put in, is not sent and so stays out of the address. Then
// the last days of the data are still the last days when the reader comes back after another load.
for (const form of document.querySelectorAll("form")) {
  form.addEventListener("submit", () => {
    for (const field of form.elements) {
      if (field.name && (!field.value || field.value === field.dataset.untold)) field.disabled = true;
    }
  });
  addEventListener("pageshow", () => { for (const field of form.elements) field.disabled = false; });
}

for (const button of document.querySelectorAll("button.copy")) {
  if (!navigator.clipboard) break;
  button.hidden = false;
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(button.parentElement.querySelector("code, pre").textContent);
    button.textContent = "Copied";
    setTimeout(() => { button.textContent = "Copy"; }, 2000);
  });
}

// A chart as PNG: a copy of the chart gets its colours as styles of its own and is drawn on a canvas twice as large.
const WRITTEN = ["fill", "fill-opacity", "stroke", "stroke-width", "stroke-dasharray", "opacity", "font", "display"];
for (const button of document.querySelectorAll("button.png")) {
  const chart = button.closest("section").querySelector("svg.chart");
  if (!chart) continue;
  button.hidden = false;
  button.addEventListener("click", async () => {
    const copy = chart.cloneNode(true);
    const shapes = [chart, ...chart.querySelectorAll("*")];
    [copy, ...copy.querySelectorAll("*")].forEach((shape, at) => {
      const colours = getComputedStyle(shapes[at]);
      for (const name of WRITTEN) shape.style.setProperty(name, colours.getPropertyValue(name));
    });
    const box = chart.viewBox.baseVal;
    const picture = new Image();
    picture.src = "data:image/svg+xml;charset=utf-8," + encodeURIComponent(new XMLSerializer().serializeToString(copy));
    await picture.decode();
    const canvas = document.createElement("canvas");
    canvas.width = box.width * 2;
    canvas.height = box.height * 2;
    const pen = canvas.getContext("2d");
    pen.fillStyle = getComputedStyle(document.body).backgroundColor;
    pen.fillRect(0, 0, canvas.width, canvas.height);
    pen.drawImage(picture, 0, 0, canvas.width, canvas.height);
    const link = document.createElement("a");
    link.download = button.closest("section").id + ".png";
    link.href = canvas.toDataURL("image/png");
    link.click();
  });
}
