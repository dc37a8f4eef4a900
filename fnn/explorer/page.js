"use strict";
// The page of a sweep. Names, labels and settings are the user's: they enter the page by textContent
// and as data of charts, never as HTML and never as an expression.

const byId = id => document.getElementById(id);
const header = JSON.parse(byId("header").textContent);
const MOST_CHOSEN = 6, MOST_ROWS = 200;
const COLORS = ["#1f77b4", "#d95f02", "#2a9d5c", "#b04ac2", "#c9303f", "#8a6d3b"];
const names = Object.keys(header.settings[0] || {});
const metricNames = header.metrics;
const arrays = {};
const state = { metric: metricNames[0], at: header.at[0], seed: 0, chosen: [0], sort: "mean", descending: true,
  rows: MOST_ROWS, across: names[0], up: names[1] || names[0], regionEpoch: 0 };
let views = {};
let drawnRows = [];  // what of the table depends on the seed: a row's numbers, its cell, its tick
const planes = new Map();  // canvases of the last chosen setting's regions: a slider comes back to them
let planesOf = -1;  // that setting

async function unpack() {
  const bytes = Uint8Array.from(atob(byId("packed").textContent), c => c.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  const buffer = await new Response(stream).arrayBuffer();
  const kinds = { float32: Float32Array, uint16: Uint16Array, uint8: Uint8Array };
  for (const [name, { dtype, shape, start }] of Object.entries(header.layout)) {
    const size = shape.reduce((a, b) => a * b, 1);
    arrays[name] = { shape, values: new kinds[dtype](buffer, start, size) };
  }
}

// ---------------------------------------------------------------------------------------- numbers

function finalsOf(row) {
  const { shape, values } = arrays[`${state.at}/${state.metric}`];
  return Array.from(values.subarray(row * shape[1], (row + 1) * shape[1]));
}
function curveOf(row, run) {
  const { shape, values } = arrays[`curve/${state.metric}`];
  const { low, step, log } = header.scales[state.metric];
  const start = (row * shape[1] + run) * shape[2];
  const number = code => code === 65535 ? NaN : log ? Math.exp(low + step * code) : low + step * code;
  return Array.from(values.subarray(start, start + shape[2]), number);
}
function quantile(sorted, share) {
  const place = share * (sorted.length - 1), below = Math.floor(place), above = Math.ceil(place);
  return sorted[below] + (place - below) * (sorted[above] - sorted[below]);
}
function statistics(row) {
  const all = finalsOf(row), sound = all.filter(Number.isFinite).sort((a, b) => a - b);
  const mean = sound.length ? sound.reduce((a, b) => a + b, 0) / sound.length : NaN;
  return { row, all, n: sound.length, mean, low: quantile(sound, 0.1), high: quantile(sound, 0.9),
    missing: all.length - sound.length, seed: all[state.seed] };
}
function shown(value) {
  if (value === null || value === undefined) return "–";
  if (typeof value !== "number") return String(value);
  return Number.isFinite(value) ? String(+value.toPrecision(4)) : "–";
}
const isLoss = name => /loss|error|rmse/.test(name);
const runName = run => Object.entries(header.runs[run]).map(([k, v]) => header.runs.length && k === "seed" ? v : `${k} ${v}`).join(", ");

// ------------------------------------------------------------------------------------------ table

function element(tag, text, attributes = {}) {
  const made = document.createElement(tag);
  if (text !== undefined) made.textContent = text;
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  return made;
}
function tickPath(values, low, high) {
  const place = v => 4 + 192 * (high > low ? (v - low) / (high - low) : 0.5);
  return values.filter(Number.isFinite).map(v => `M${place(v).toFixed(1)} 2v16`).join("");
}
function ticks(all, low, high) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "0 0 200 20");
  svg.setAttribute("preserveAspectRatio", "none");
  svg.setAttribute("aria-hidden", "true");
  const draw = (values, kind) => {
    const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
    path.setAttribute("d", tickPath(values, low, high));
    path.setAttribute("class", kind);
    svg.append(path);
  };
  draw(all, "tick");
  draw([all[state.seed]], "tick-chosen");
  return svg;
}
function drawTable() {
  const rows = header.settings.map((_, row) => statistics(row));
  const columns = [["setting", r => r.row], ...names.map(n => [n, r => header.settings[r.row][n]]), ["mean", r => r.mean],
    ["10%", r => r.low], ["90%", r => r.high], ["runs", r => r.n], ["not finite", r => r.missing], ["chosen seed", r => r.seed]];
  const key = (columns.find(([name]) => name === state.sort) || columns[0])[1];
  const order = (a, b) => {
    const x = key(a), y = key(b), bad = v => v === null || (typeof v === "number" && !Number.isFinite(v));
    if (bad(x) || bad(y)) return bad(x) - bad(y);
    const way = typeof x === "number" && typeof y === "number" ? x - y : String(x).localeCompare(String(y), undefined, { numeric: true });
    return state.descending ? -way : way;
  };
  rows.sort(order);
  const finite = rows.flatMap(r => r.all).filter(Number.isFinite).sort((a, b) => a - b);
  const low = quantile(finite, 0.01), high = quantile(finite, 0.99);
  const head = element("tr");
  for (const [name] of columns) {
    const is = name === state.sort, cell = element("th", undefined, { scope: "col", "aria-sort": is ? (state.descending ? "descending" : "ascending") : "none" });
    const button = element("button", name + (is ? (state.descending ? " ▼" : " ▲") : ""), { type: "button" });
    button.addEventListener("click", () => {
      state.descending = is ? !state.descending : !isLoss(state.metric);
      state.sort = name;
      drawTable();
    });
    cell.append(button);
    head.append(cell);
  }
  // the seeds stand beside the number of the setting, where no width of the screen cuts them off
  head.firstChild.after(element("th", `seeds, ${shown(low)} to ${shown(high)}`, { scope: "col" }));
  const body = element("tbody");
  drawnRows = [];
  for (const r of rows.slice(0, state.rows)) {
    const line = element("tr", undefined, { tabindex: 0, "aria-selected": state.chosen.includes(r.row) });
    for (const [, value] of columns) line.append(element("td", shown(value(r))));
    const own = line.lastChild, cell = element("td"), svg = ticks(r.all, low, high);
    cell.append(svg);
    line.firstChild.after(cell);
    drawnRows.push({ all: r.all, own, tick: svg.lastChild, low, high });
    const choose = event => {
      const several = event.ctrlKey || event.metaKey || event.shiftKey;
      const others = state.chosen.filter(row => row !== r.row);
      if (several && state.chosen.includes(r.row) && others.length) state.chosen = others;
      else state.chosen = several ? [...others, r.row].slice(-MOST_CHOSEN) : [r.row];
      updateRun();
    };
    line.addEventListener("click", choose);
    line.addEventListener("keydown", event => {
      if (event.key === "Enter" || event.key === " ") { event.preventDefault(); choose(event); focusRow(r.row); }
      if (event.key === "ArrowDown") { event.preventDefault(); line.nextElementSibling?.focus(); }
      if (event.key === "ArrowUp") { event.preventDefault(); line.previousElementSibling?.focus(); }
    });
    line.dataset.row = r.row;
    body.append(line);
  }
  const top = element("thead");
  top.append(head);
  byId("table").replaceChildren(element("caption", undefined), top, body);
  byId("table").querySelector("caption").remove();
  const left = rows.length - state.rows;
  byId("more").hidden = left <= 0;
  byId("more").textContent = `Show ${Math.min(left, 1000)} more of ${left}`;
}
function moveSeedInTable() {
  if (state.sort === "chosen seed") { drawTable(); return; }
  for (const { all, own, tick, low, high } of drawnRows) {
    own.textContent = shown(all[state.seed]);
    tick.setAttribute("d", tickPath([all[state.seed]], low, high));
  }
}
const focusRow = row => document.querySelector(`tr[data-row="${row}"]`)?.focus();

// ----------------------------------------------------------------------------------------- charts

function config() {
  const style = getComputedStyle(document.documentElement), ink = style.getPropertyValue("--ink").trim(), line = style.getPropertyValue("--line").trim();
  return { background: "transparent", view: { stroke: line }, axis: { labelColor: ink, titleColor: ink, gridColor: line, domainColor: line, tickColor: line, labelFontSize: 12, titleFontSize: 13 },
    legend: { labelColor: ink, titleColor: ink, labelFontSize: 12, orient: "top" }, title: { color: ink }, text: { color: ink } };
}
function bandRows() {
  const bands = [];
  state.chosen.forEach((row, number) => {
    const runs = header.runs.map((_, run) => curveOf(row, run)), label = settingName(row);
    header.epochs.forEach((epoch, place) => {
      const sorted = runs.map(c => c[place]).filter(Number.isFinite).sort((a, b) => a - b);
      if (sorted.length) bands.push({ epoch, setting: label, low: quantile(sorted, 0.1), middle: quantile(sorted, 0.5), high: quantile(sorted, 0.9) });
    });
  });
  return bands;
}
const lineRows = () => state.chosen.flatMap(row => curveOf(row, state.seed)
  .map((value, place) => ({ epoch: header.epochs[place], setting: settingName(row), value })).filter(line => Number.isFinite(line.value)));
const settingName = row => names.length ? `${row}: ` + names.map(n => `${n} ${shown(header.settings[row][n])}`).join(", ") : `setting ${row}`;

async function drawCurves() {
  const bands = bandRows();
  const wide = isLoss(state.metric) && bands.every(b => b.low > 0);
  const y = (field, title) => ({ field, type: "quantitative", title, scale: wide ? { type: "log" } : { zero: false } });
  const color = { field: "setting", type: "nominal", title: null, scale: { range: COLORS, domain: state.chosen.map(settingName) },
    legend: { columns: 1, labelLimit: 420, symbolType: "stroke", symbolStrokeWidth: 4 } };
  const x = { field: "epoch", type: "quantitative", title: "epoch", axis: { tickMinStep: 1 } };
  const spec = { $schema: "https://vega.github.io/schema/vega-lite/v6.json", width: "container", height: 260, config: config(),
    layer: [
      { data: { values: bands }, mark: { type: "area", opacity: 0.2, clip: true }, encoding: { x, y: y("low", state.metric), y2: { field: "high" }, color } },
      { data: { values: bands }, mark: { type: "line", strokeWidth: 2.5, clip: true }, encoding: { x, y: y("middle", state.metric), color } },
      { data: { name: "chosen seed", values: lineRows() }, mark: { type: "line", strokeDash: [5, 4], strokeWidth: 1.5, clip: true }, encoding: { x, y: y("value", state.metric), color } },
    ] };
  const seed = state.seed;
  await embed("curves", spec, `${state.metric} by epoch, ${state.chosen.length} setting(s)`);
  if (seed !== state.seed) await moveSeedInCurves();  // the slider moved while the chart was made
}
async function moveSeedInCurves() {
  await views.curves?.view.data("chosen seed", lineRows()).runAsync();
}
async function drawHeatmap() {
  if (!names.length) return;
  const cells = new Map();
  header.settings.forEach((setting, row) => {
    const key = JSON.stringify([setting[state.across], setting[state.up]]), s = statistics(row);
    const cell = cells.get(key) || { across: shown(setting[state.across]), up: shown(setting[state.up]), sum: 0, n: 0 };
    if (Number.isFinite(s.mean)) { cell.sum += s.mean * s.n; cell.n += s.n; }
    cells.set(key, cell);
  });
  const values = [...cells.values()].map(c => ({ across: c.across, up: c.up, mean: c.n ? c.sum / c.n : null, runs: c.n, text: c.n ? shown(c.sum / c.n) : "–" }));
  const means = values.map(v => v.mean).filter(Number.isFinite), least = Math.min(...means), most = Math.max(...means);
  for (const v of values) {
    const share = most > least ? (v.mean - least) / (most - least) : 0;
    v.ink = (isLoss(state.metric) ? 1 - share : share) > 0.6 ? "black" : "white";
  }
  const order = name => [...new Set(header.settings.map(s => s[name]))].sort((a, b) => typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b), undefined, { numeric: true })).map(shown);
  const across = order(state.across), up = order(state.up);
  const x = { field: "across", type: "nominal", title: state.across, sort: across, axis: { labelAngle: across.length > 8 ? -60 : 0 } };
  const y = { field: "up", type: "nominal", title: state.up, sort: up.slice().reverse() };
  const layer = [{ mark: "rect", encoding: { x, y, color: { field: "mean", type: "quantitative", title: state.metric,
    scale: { scheme: "viridis", reverse: isLoss(state.metric), zero: false }, legend: { orient: "right", gradientLength: 180 } },
    tooltip: [{ field: "across", title: "across" }, { field: "up", title: "up" }, { field: "text", title: "mean" }, { field: "runs", title: "runs" }] } }];
  if (values.length <= 80) layer.push({ mark: { type: "text", fontSize: 11 }, encoding: { x, y, text: { field: "text" },
    color: { field: "ink", type: "nominal", scale: null } } });
  const spec = { width: "container", height: Math.max(200, Math.min(420, 34 * up.length)), config: config(), data: { values }, layer, resolve: { scale: { color: "independent" } } };
  await embed("heatmap", spec, `mean ${state.metric} over two hyperparameters`);
}
async function embed(id, spec, label) {
  views[id]?.finalize();
  views[id] = undefined;
  views[id] = await vegaEmbed(byId(id), spec, { actions: false, renderer: "canvas", ast: true });
  byId(id).setAttribute("role", "img");
  byId(id).setAttribute("aria-label", label);
}

// ---------------------------------------------------------------------------------------- regions

function drawPlane(place, run, epoch, caption, isChosen) {
  const key = [place, run, epoch].join();
  if (!planes.has(key)) planes.set(key, drawRegion(place, run, epoch));
  const drawn = planes.get(key), { width, height } = drawn;
  const canvas = element("canvas", undefined, { width, height, role: "img", "aria-label": caption });
  canvas.getContext("2d").drawImage(drawn, 0, 0);
  const figure = element("figure", undefined, isChosen ? { class: "chosen" } : {});
  figure.append(canvas, element("figcaption", caption));
  return figure;
}
function drawRegion(place, run, epoch) {
  const { points, corners, classes, columns, epochs } = header.regions, all = arrays.regions;
  const canvas = element("canvas", undefined, { width: 4 * points, height: 4 * points });
  const small = element("canvas", undefined, { width: points, height: points }), pen = small.getContext("2d"), image = pen.createImageData(points, points);
  const start = ((place * columns.length + run) * epochs.length + epoch) * points * points;
  const two = [[31, 111, 180], [217, 95, 2]];
  for (let i = 0; i < points; i++) for (let j = 0; j < points; j++) {
    const code = all.values[start + i * points + j], at = 4 * ((points - 1 - i) * points + j);
    const share = code / 255, rgb = classes === 2 ? two[0].map((c, k) => { const far = Math.abs(2 * share - 1), end = share < 0.5 ? two[0][k] : two[1][k]; return 245 + (end - 245) * (0.15 + 0.7 * far); })
      : hex(COLORS[code % COLORS.length]).map(c => 255 + (c - 255) * 0.55);
    for (let k = 0; k < 3; k++) image.data[at + k] = rgb[k];
    image.data[at + 3] = 255;
  }
  pen.putImageData(image, 0, 0);
  const large = canvas.getContext("2d");
  large.imageSmoothingEnabled = false;
  large.drawImage(small, 0, 0, canvas.width, canvas.height);
  const [[x0, y0], [x1, y1]] = corners, { values: examples } = arrays.examples, { values: labels } = arrays.labels;
  labels.forEach((label, n) => {
    large.beginPath();
    large.arc(canvas.width * (examples[2 * n] - x0) / (x1 - x0), canvas.height * (1 - (examples[2 * n + 1] - y0) / (y1 - y0)), 2.6, 0, 7);
    large.fillStyle = classes === 2 ? `rgb(${two[Math.min(label, 1)]})` : COLORS[label % COLORS.length];
    large.fill();
    large.strokeStyle = "#fff";
    large.lineWidth = 0.8;
    large.stroke();
  });
  return canvas;
}
const hex = color => [1, 3, 5].map(i => parseInt(color.slice(i, i + 2), 16));
function drawRegions() {
  if (!header.regions.rows) return;
  const { rows, columns, epochs } = header.regions, row = state.chosen[state.chosen.length - 1], place = rows.indexOf(row), run = columns.indexOf(state.seed);
  byId("regions").hidden = false;
  const hint = byId("regions-hint");
  if (place < 0) {
    hint.replaceChildren(`Setting ${row} has no regions; those that have: `);
    for (const other of rows) {
      const button = element("button", String(other), { type: "button" });
      button.addEventListener("click", () => { state.chosen = [other]; updateRun(); });
      hint.append(button, " ");
    }
    byId("by-epoch").replaceChildren();
    byId("by-seed").replaceChildren();
    return;
  }
  hint.textContent = `${settingName(row)}. Dots are training examples; the paler a color, the less sure the network.`;
  if (planesOf !== place) planes.clear();
  planesOf = place;
  const known = run < 0 ? 0 : run;
  byId("by-epoch").replaceChildren(...epochs.map((epoch, e) => drawPlane(place, known, e, `epoch ${epoch}`, false)));
  byId("by-seed").replaceChildren(...columns.map((column, r) => drawPlane(place, r, state.regionEpoch, `seed ${runName(column)}`, column === state.seed)));
}

// ------------------------------------------------------------------------------------------- page

function drawCode() {
  const row = state.chosen[state.chosen.length - 1], values = { ...header.settings[row], ...header.runs[state.seed], setting: row };
  const python = v => typeof v === "string" ? JSON.stringify(v) : v === true ? "True" : v === false ? "False" : String(v);
  byId("code").textContent = header.code.replace(/\{(\w+)\}/g, (all, name) => name in values ? python(values[name]) : all);
}
function options(id, values, chosen) {
  byId(id).replaceChildren(...values.map(([value, text]) => { const o = element("option", text, { value }); o.selected = value === chosen; return o; }));
}
async function update() {
  await Promise.all([updateRun(), drawHeatmap()]);
}
async function moveSeed() {
  byId("seed-name").textContent = runName(state.seed);
  moveSeedInTable();
  drawCode();
  drawRegions();
  await moveSeedInCurves();
}
async function updateRun() {
  byId("seed-name").textContent = runName(state.seed);
  drawTable();
  drawCode();
  drawRegions();
  await drawCurves();
}
async function begin() {
  await unpack();
  document.title = header.title;
  byId("title").textContent = header.title;
  byId("facts").textContent = `${header.settings.length} settings, ${header.runs.length} runs of each, ${header.finished} finished, ${header.diverged} diverged; `
    + `${header.epochs[header.epochs.length - 1]} epochs${header.monitor ? `; the best epoch is that of ${header.monitor}` : ""}. ${header.made_by}`;
  options("metric", metricNames.map(n => [n, n]), state.metric);
  options("at", header.at.map(n => [n, n]), state.at);
  options("across", names.map(n => [n, n]), state.across);
  options("up", names.map(n => [n, n]), state.up);
  byId("seed").max = header.runs.length - 1;
  byId("h-heatmap").parentElement.hidden = !names.length;
  state.descending = !isLoss(state.metric);
  const score = row => { const m = statistics(row).mean; return Number.isFinite(m) ? (isLoss(state.metric) ? -m : m) : -Infinity; };
  const candidates = header.regions.rows || header.settings.map((_, row) => row);
  state.chosen = [candidates.reduce((best, row) => score(row) > score(best) ? row : best, candidates[0])];
  if (header.regions.rows) {
    const { epochs } = header.regions;
    state.regionEpoch = epochs.length - 1;
    options("region-epoch", epochs.map((epoch, e) => [String(e), `epoch ${epoch}`]), String(state.regionEpoch));
    byId("region-epoch").addEventListener("change", event => { state.regionEpoch = +event.target.value; drawRegions(); });
  }
  byId("metric").addEventListener("change", event => { state.metric = event.target.value; if (state.sort === "mean") state.descending = !isLoss(state.metric); update(); });
  byId("at").addEventListener("change", event => { state.at = event.target.value; update(); });
  byId("seed").addEventListener("input", event => { state.seed = +event.target.value; moveSeed(); });
  for (const id of ["across", "up"]) byId(id).addEventListener("change", event => { state[id] = event.target.value; drawHeatmap(); });
  byId("more").addEventListener("click", () => { state.rows += 1000; drawTable(); });
  byId("controls").addEventListener("submit", event => event.preventDefault());
  byId("copy").addEventListener("click", async () => {
    const text = byId("code").textContent;
    try { await navigator.clipboard.writeText(text); byId("copied").textContent = "copied"; }
    catch { getSelection().selectAllChildren(byId("code")); byId("copied").textContent = "selected: press Ctrl+C"; }
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", update);
  await update();
  document.body.dataset.ready = "yes";
}
begin();
