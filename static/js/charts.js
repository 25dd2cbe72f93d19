/* Live curves by uPlot. <div class="live-chart" data-chart="/…/series.json" data-live="project-7"></div>
   The address answers {"x_label": "step", "x": [1, 2, …], "series": [{"label": "loss", "values": [0.69, null, …],
   "tone": "a"}]} with one value (or null) for each x, or just [[1, 2, …], [0.69, 0.5, …]] for a single curve; an empty
   x says that there is nothing yet. It is fetched again when the box is told to look
   again; without a `data-live` of its own, when any part of the page is. */
"use strict";
(() => {
  const charts = new WeakMap();
  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
  // A canvas cannot read light-dark(): an element resolves it.
  function ink(name) {
    const probe = document.createElement("span");
    probe.hidden = true;
    probe.style.color = colour(name);
    document.body.append(probe);
    const resolved = getComputedStyle(probe).color;
    probe.remove();
    return resolved;
  }
  const readable = (value) => String(Number(value.toPrecision(3)));
  function options(box, data) {
    const axis = { stroke: ink("ink-2"), grid: { stroke: ink("line"), width: 1 }, ticks: { stroke: ink("line"), width: 1 }, font: "12px Instrument Sans, sans-serif" };
    const whole = [...Array(8).keys()].flatMap((power) => [1, 2, 5].map((first) => first * 10 ** power));  // steps are counted
    return {
      width: box.clientWidth, height: Math.max(220, Math.round(box.clientWidth * 0.36)),
      scales: { x: { time: false } },
      axes: [{ ...axis, incrs: whole, label: data.x_label || "" , labelSize: data.x_label ? 22 : 0, labelFont: axis.font }, { ...axis, size: 58, values: (_, ticks) => ticks.map(readable) }],
      legend: { show: data.series.length > 1 },
      series: [{ label: data.x_label || "x" }, ...data.series.map((one, index) => ({
        label: one.label, stroke: ink(one.tone || ["a", "b", "mark", "ink"][index % 4]), width: 2, points: { show: data.x.length < 3 }, spanGaps: true,
      }))],
    };
  }
  async function draw(box) {
    let data;
    try {
      const response = await fetch(box.dataset.chart, { headers: { Accept: "application/json" } });
      if (!response.ok) return;
      data = await response.json();
    } catch { return; }
    if (!box.isConnected) return;
    if (Array.isArray(data)) data = { x: data[0], x_label: "step", series: [{ label: box.dataset.title || "value", values: data[1] }] };
    box.classList.toggle("is-waiting", !data.x.length);
    if (!data.x.length) { box.textContent = "Nothing to draw yet."; return; }
    const values = [data.x, ...data.series.map((one) => one.values)];
    const shape = data.series.map((one) => one.label).join("|");
    const known = charts.get(box);
    if (known && known.shape === shape) { known.plot.setData(values); return; }
    known?.plot.destroy();
    box.replaceChildren();
    charts.set(box, { shape, plot: new uPlot(options(box, data), values, box) });
    box.setAttribute("role", "img");
    box.setAttribute("aria-label", `${box.dataset.title || "Curve"}: ${data.series.map((one) => `${one.label} ${one.values.at(-1)}`).join(", ")}`);
  }
  const boxes = () => document.querySelectorAll("[data-chart]");
  const drawAll = (root) => { for (const box of boxes()) if (root.contains(box) && !charts.has(box)) draw(box); };
  document.addEventListener("DOMContentLoaded", () => drawAll(document));
  document.addEventListener("htmx:load", (event) => drawAll(event.target));
  document.addEventListener("look-again", (event) => {
    for (const box of boxes()) if (box === event.target || !box.dataset.live) drawSoon(box);
  });
  const soon = new WeakMap();
  function drawSoon(box) {
    if (!soon.has(box)) soon.set(box, setTimeout(() => { soon.delete(box); draw(box); }, 700));
  }
  let resizing = 0;
  addEventListener("resize", () => {
    clearTimeout(resizing);
    resizing = setTimeout(() => {
      for (const box of boxes()) { charts.get(box)?.plot.destroy(); charts.delete(box); draw(box); }
    }, 200);
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
    for (const box of boxes()) { charts.get(box)?.plot.destroy(); charts.delete(box); draw(box); }
  });
})();
