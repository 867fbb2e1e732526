// What a visitor does with the map. gradio calls this with `element`, `trigger`, `props` and `watch`.

function drawAbove(map) {
  const {above, ratio, width, height, layout} = map, pen = above.getContext("2d");
  const style = getComputedStyle(above), ink = style.color, paper = style.getPropertyValue("--map-paper");
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  pen.clearRect(0, 0, width, height);
  pen.font = `600 13px ${style.fontFamily}`;
  pen.textAlign = "center";
  pen.textBaseline = "middle";
  pen.lineJoin = "round";
  const write = (words, x, y) => {
    pen.lineWidth = 4;
    pen.strokeStyle = paper;
    pen.fillStyle = ink;
    pen.strokeText(words, x, y);
    pen.fillText(words, x, y);
  };
  if (map.moved === 1) drawPictures(map, pen);
  if (map.moved === 1 && layout === "map") drawNames(map, pen, write);
  if (map.moved === 1 && layout === "time") drawYears(map, write);
  if (map.pin && layout === "map" && map.moved === 1) drawPin(pen, map.at(map.pin.x, map.pin.y), ink, paper);
  pen.strokeStyle = ink;
  pen.lineWidth = 2;
  if (map.pointed !== null && map.moved === 1) {
    const [x, y] = map.placeOf(map.pointed), box = map.shown.includes(map.pointed) && map.boxOf(map.pointed);
    pen.beginPath();
    if (box) pen.rect(...box);
    else pen.arc(x, y, Math.max(7, map.pointSize / 2 + 3), 0, 2 * Math.PI);
    pen.stroke();
  }
  if (map.aimed) {
    pen.beginPath();
    for (const [dx, dy] of [[1, 0], [-1, 0], [0, 1], [0, -1]]) {
      pen.moveTo(width / 2 + 5 * dx, height / 2 + 5 * dy);
      pen.lineTo(width / 2 + 14 * dx, height / 2 + 14 * dy);
    }
    pen.stroke();
  }
  if (map.lasso?.length) {
    pen.beginPath();
    map.lasso.forEach(([x, y]) => pen.lineTo(x, y));
    pen.closePath();
    pen.setLineDash([6, 4]);
    pen.stroke();
    pen.setLineDash([]);
    pen.globalAlpha = 0.1;
    pen.fillStyle = ink;
    pen.fill();
    pen.globalAlpha = 1;
  }
}

function drawPictures(map, pen) {
  for (const row of map.shown) {
    const box = map.boxOf(row);
    if (!box) continue;
    const {sheet, box: from} = map.pictures.get(row);
    pen.globalAlpha = map.anyChosen && !map.chosen[row] ? 0.25 : 1;
    pen.drawImage(sheet, ...from, ...box);
    pen.lineWidth = 2;
    pen.strokeStyle = map.colors[map.cluster[row]];
    pen.strokeRect(...box);
  }
  pen.globalAlpha = 1;
}

const shortened = (name) => name.length > LONGEST_NAME ? `${name.slice(0, LONGEST_NAME - 1).trimEnd()}…` : name;

function drawNames(map, pen, write) {
  const taken = [];
  map.names.forEach((whole, number) => {  // the largest cluster first
    const name = shortened(whole.replace(/ \d+%/g, "")), {x, y} = map.middles[number], [left, top] = map.at(x, y), half = pen.measureText(name).width / 2 + 6;
    if (left < -half || left > map.width + half || top < 0 || top > map.height) return;
    const middle = half * 2 > map.width ? map.width / 2 : Math.min(map.width - half, Math.max(half, left));
    if (taken.some(([a, b, w]) => Math.abs(a - middle) < w + half && Math.abs(b - top) < 20)) return;
    taken.push([middle, top, half]);
    write(name, middle, top);
  });
}

function drawYears(map, write) {
  const {start, step, columns, reach, apart} = map.axis, [width] = map.inner;
  const every = Math.ceil(56 / (reach * width / columns * map.camera.zoom));
  const bottom = Math.min(map.height - 12, map.at(0, 1)[1] + 14);
  for (let place = 0; place < columns; place += every) {
    write(start + place * step, map.at(reach * (place + 0.5) / columns, 0)[0], bottom);
  }
  if (apart) write("no year", map.at(1 - apart / 2, 0)[0], bottom);
}

function drawPin(pen, [x, y], ink, paper) {
  pen.beginPath();
  pen.moveTo(x, y);
  pen.bezierCurveTo(x - 4, y - 12, x - 11, y - 15, x - 11, y - 24);
  pen.arc(x, y - 24, 11, Math.PI, 0);
  pen.bezierCurveTo(x + 11, y - 15, x + 4, y - 12, x, y);
  pen.lineWidth = 3;
  pen.strokeStyle = paper;
  pen.stroke();
  pen.fillStyle = ink;
  pen.fill();
  pen.beginPath();
  pen.arc(x, y - 24, 4.5, 0, 2 * Math.PI);
  pen.fillStyle = paper;
  pen.fill();
}

// A selection as the server takes it: a bit for each work, the first the lowest, in base64.
function packBits(flags) {
  const bytes = new Uint8Array(Math.ceil(flags.length / 8));
  flags.forEach((flag, row) => { bytes[row >> 3] |= flag << (row & 7); });
  let letters = "";
  for (const byte of bytes) letters += String.fromCharCode(byte);
  return btoa(letters);
}

const find = (selector) => element.querySelector(selector);
const every = (selector) => [...element.querySelectorAll(selector)];
const above = find(".above"), tip = find(".tip"), told = find(".told");
const [pinned, shown, legend] = ["pin", "card", "legend"].map((name) => document.querySelector(`#explore-${name}`));
const captions = new Map(), touches = new Map();
const LONGEST_NAME = 46;  // characters, on the map; the list below has all
const MOST_KEPT = 1500, ANSWER_MS = 15_000, ASK_AGAIN_MS = 2000;
let map = null, wanted = [], asked = -Infinity, pressed = null, lassoing = false, pinch = 0;

// --- what the server tells ---

function ask(rows) {
  wanted = rows;
  if (!rows.length || performance.now() - asked < ANSWER_MS) return;
  asked = performance.now();
  trigger("near", {rows: rows.slice(0, MOST_NEAR)});
}

async function takeNear({rows, captions: words, boxes, sheet}) {
  rows.forEach((row, place) => captions.set(row, words[place]));
  if (sheet) {
    const picture = await createImageBitmap(await (await fetch(sheet)).blob());
    rows.forEach((row, place) => { if (boxes[place]) map.pictures.set(row, {sheet: picture, box: boxes[place]}); });
    for (const row of map.pictures.keys()) {
      if (map.pictures.size <= MOST_KEPT) break;
      map.pictures.delete(row);
    }
  }
  asked = -Infinity;
  ask(wanted.filter((row) => !captions.has(row)));
  if (map.pointed !== null) showTip(map.pointed);
  map.changed();
}

function takeAtlas(data) {
  const list = legend.querySelector("ul"), counts = new Uint32Array(data.clusters.length);
  decodePoints(data).cluster.forEach((number) => counts[number]++);
  data.clusters.forEach((name, number) => {
    const button = document.createElement("button"), swatch = document.createElement("i");
    swatch.style.background = clusterColor(number);
    button.type = "button";
    button.dataset.cluster = number;
    button.setAttribute("aria-pressed", "false");
    button.append(swatch, `${name} `, Object.assign(document.createElement("small"), {textContent: counts[number].toLocaleString("en")}));
    list.appendChild(document.createElement("li")).append(button);
  });
  legend.querySelector("h3").hidden = false;
  try {
    map = new AtlasMap(find(".points"), above, data, ask);
  } catch {
    told.textContent = "This browser draws no map (WebGL is off or missing). The clusters below list the works.";
    return;
  }
  element.toggleAttribute("data-drawn", true);
  told.textContent = "";
  find("[data-layout=time]").hidden = !map.known;
  find(".undated").hidden = Boolean(map.known);
  startYears();
  new ResizeObserver(() => map.resize()).observe(above);
  takePin();
  document.querySelector("#explore-button")?.click();  // where is the painting that is there already?
}

function takePin() {
  if (!map) return;
  const place = pinned.querySelector("[data-x]");
  map.pin = place && {x: +place.dataset.x, y: 1 - place.dataset.y};
  find("[data-does=mine]").hidden = !place;
  map.changed();
}

watch("value", () => {
  const said = JSON.parse(props.value || "{}");
  if (said.near && map) takeNear(said.near);
  if (said.atlas && !map) takeAtlas(said.atlas);
  if (said.none) told.textContent = said.none;
  if (said.wait) {
    told.textContent = "The map is being made. A large collection takes minutes the first time; the other tabs work.";
    setTimeout(() => trigger("open"), ASK_AGAIN_MS);
  }
});
new MutationObserver(takePin).observe(pinned, {childList: true, subtree: true, attributes: true});
new IntersectionObserver(([seen], observer) => {
  if (!seen.isIntersecting) return;
  observer.disconnect();
  told.textContent = "Opening the map.";
  trigger("open");
}).observe(element);

// --- the bar ---

function startYears() {
  if (!map.known || map.known[0] === map.known[1]) return;
  const ends = every("[data-end]");
  find(".years").hidden = false;
  const show = () => {
    const [from, to] = map.years, [first, last] = map.known, share = (year) => (year - first) / (last - first);
    find(".years output").textContent = `${from} to ${to}`;
    find(".range").style.setProperty("--from", share(from));
    find(".range").style.setProperty("--to", share(to));
  };
  ends.forEach((end, number) => {
    [end.min, end.max] = map.known;
    end.value = map.known[number];
    end.addEventListener("input", () => {
      const years = ends.map((each) => +each.value);
      if (years[0] > years[1]) ends[1 - number].value = years[1 - number] = years[number];  // one pushes the other
      map.years = years;
      show();
      map.changed();
    });
  });
  show();
}

function choose(rows) {
  map.choose(rows);
  find(".chosen").hidden = !rows.length;
  find(".chosen span").textContent = rows.length === 1 ? "1 work selected" : `${rows.length.toLocaleString("en")} works selected`;
}

function press(buttons, one) {
  buttons.forEach((button) => button.setAttribute("aria-pressed", String(button === one)));
}

function arrange(layout) {
  press(every("[data-layout]"), find(`[data-layout=${layout}]`));
  showTip(null);
  closeCard();
  map.arrange(layout);
}

const does = {
  lasso: (button) => {
    lassoing = !lassoing;
    button.setAttribute("aria-pressed", String(lassoing));
    above.classList.toggle("lassoing", lassoing);
  },
  mine: () => { arrange("map"); map.fly({...map.pin, zoom: Math.max(3, map.camera.zoom)}); },
  table: () => trigger("table", {chosen: packBits(map.chosen)}),
  clear: () => { choose([]); press([...legend.querySelectorAll("button")], null); },
};

element.addEventListener("click", ({target}) => {
  const button = target.closest("button");
  if (!button || !map) return;
  const {layout, zoom, does: deed} = button.dataset;
  if (layout) arrange(layout);
  if (zoom) +zoom ? map.zoomBy(+zoom) : map.fly({x: 0.5, y: 0.5, zoom: 1});
  if (deed) does[deed](button);
});

legend.addEventListener("click", ({target}) => {
  const button = target.closest("button"), number = +button?.dataset.cluster;
  if (!button) return;
  press([...legend.querySelectorAll("button")], button);
  trigger("cluster", {cluster: number});
  if (!map) return;
  const rows = [];
  map.cluster.forEach((own, row) => { if (own === number && !map.isHidden(row)) rows.push(row); });
  choose(rows);
  if (map.layout === "map") map.flyToCluster(number);
});

// --- the canvas ---

function showTip(row) {
  map.pointed = row;
  tip.hidden = row === null || !captions.has(row);
  above.style.cursor = row === null ? "" : "pointer";
  if (row !== null && !captions.has(row)) ask([row, ...wanted]);
  if (!tip.hidden) {
    const picture = map.pictures.get(row), image = tip.querySelector("canvas"), [x, y] = map.placeOf(row);
    tip.querySelector("span").textContent = captions.get(row);
    image.hidden = !picture || map.shown.includes(row);
    if (!image.hidden) {
      [image.width, image.height] = picture.box.slice(2);
      image.getContext("2d").drawImage(picture.sheet, ...picture.box, 0, 0, image.width, image.height);
    }
    tip.style.left = `${Math.min(Math.max(x, 100), map.width - 100)}px`;
    tip.style.top = `${y}px`;
    tip.classList.toggle("under", y < 150);
  }
  map.changed();
}

const closeCard = () => shown.querySelector(".close")?.click();
const placeIn = (event) => [event.offsetX, event.offsetY];
const spread = () => { const [a, b] = [...touches.values()]; return Math.hypot(a[0] - b[0], a[1] - b[1]); };

above.addEventListener("pointerdown", (event) => {
  if (!map || event.button) return;
  above.setPointerCapture(event.pointerId);
  touches.set(event.pointerId, placeIn(event));
  map.aimed = false;
  pressed = touches.size === 1 ? {place: placeIn(event), moved: false} : null;
  pinch = touches.size === 2 ? spread() : 0;
  map.lasso = lassoing && pressed ? [placeIn(event)] : null;
});
above.addEventListener("pointermove", (event) => {
  if (!map) return;
  const [x, y] = placeIn(event), before = touches.get(event.pointerId);
  if (!before) {
    const row = map.moved === 1 && !map.flight ? map.nearest(x, y) : null;
    if (row !== map.pointed || map.aimed) showTip(row);
    return;
  }
  touches.set(event.pointerId, [x, y]);
  if (pinch && touches.size === 2) {
    const [a, b] = [...touches.values()];
    map.zoomBy(spread() / pinch, (a[0] + b[0]) / 2, (a[1] + b[1]) / 2);
    pinch = spread();
  } else if (pressed) {
    pressed.moved ||= Math.hypot(x - pressed.place[0], y - pressed.place[1]) > 5;
    const last = map.lasso?.at(-1);
    if (last && Math.hypot(x - last[0], y - last[1]) > 4) map.lasso.push([x, y]);
    if (!map.lasso && pressed.moved) map.panBy(x - before[0], y - before[1]);
    if (pressed.moved) showTip(null);
  }
});
for (const kind of ["pointerup", "pointercancel"]) {
  above.addEventListener(kind, (event) => {
    if (!touches.delete(event.pointerId) || !map) return;
    if (pressed && kind === "pointerup" && !pressed.moved) {
      const row = map.nearest(...placeIn(event));
      showTip(row);
      if (row === null) closeCard();
      else trigger("work", {row});
    } else if (map.lasso?.length > 2) {
      choose(map.inside(map.lasso));
    }
    map.lasso = pressed = null;
    map.changed();
  });
}
above.addEventListener("pointerleave", () => { if (map && !touches.size && !map.aimed) showTip(null); });
above.addEventListener("wheel", (event) => {
  if (!map) return;
  event.preventDefault();
  map.zoomBy(Math.exp(-event.deltaY * (event.deltaMode ? 0.05 : 0.0016)), ...placeIn(event));
}, {passive: false});

const keys = {ArrowLeft: [60, 0], ArrowRight: [-60, 0], ArrowUp: [0, 60], ArrowDown: [0, -60]};
above.addEventListener("keydown", (event) => {
  if (!map || event.ctrlKey || event.metaKey || event.altKey) return;
  const {key} = event, inMiddle = () => map.nearest(map.width / 2, map.height / 2, map.width);
  map.aimed = true;
  if (keys[key]) map.panBy(...keys[key]);
  else if (key === "+" || key === "=") map.zoomBy(1.4);
  else if (key === "-") map.zoomBy(1 / 1.4);
  else if (key === "0") map.fly({x: 0.5, y: 0.5, zoom: 1});
  else if (key === "Enter" && inMiddle() !== null) trigger("work", {row: inMiddle()});
  else if (key === "Escape") { closeCard(); does.clear(); }
  else return;
  showTip(inMiddle());
  event.preventDefault();
});
above.addEventListener("blur", () => { if (map) { map.aimed = false; showTip(null); } });
