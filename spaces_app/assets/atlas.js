// The map: points on the GPU, and above them on a second canvas pictures, names, years and the pin. Places are in the
// unit square, y downwards. Drawn when something changes, and as long as something moves.

const UNKNOWN = -32768;  // a year
const MOST_NEAR = 60;  // pictures at once
const FEW = 2500;  // works in view, up to which pictures are shown
const PAD = 34;  // px around the whole
const MOVE_MS = 900, FLY_MS = 450;
const STEPS = [1, 2, 5, 10, 20, 25, 50, 100, 200, 500, 1000];  // years of a column
const VERTEX = `
  attribute vec2 before, after; attribute vec3 color; attribute float year, chosen;
  uniform vec2 centre, scale, years; uniform float moved, size, choosing, dated;
  varying vec4 fill; varying float edge;
  void main() {
    float own = smoothstep(0., 1., clamp(moved * 1.5 - .5 * fract(before.x * 7.), 0., 1.));
    vec2 place = (mix(before, after, own) - centre) * scale;
    bool hidden = year < -32767. ? dated > .5 : year < years.x || year > years.y;
    gl_Position = hidden ? vec4(2., 2., 2., 1.) : vec4(place.x, -place.y, 0., 1.);
    gl_PointSize = size * (1. + .4 * chosen);
    edge = 1.5 / gl_PointSize;
    fill = vec4(color, choosing > chosen ? .13 : .88);
  }`;
const FRAGMENT = `
  precision mediump float; varying vec4 fill; varying float edge;
  void main() {
    float alpha = fill.a * (1. - smoothstep(.5 - edge, .5, length(gl_PointCoord - .5)));
    gl_FragColor = vec4(fill.rgb * alpha, alpha);
  }`;

const clamp = (value, low, high) => Math.min(high, Math.max(low, value));
const ease = (t) => t * t * (3 - 2 * t);
// Far from each other for neighbours in the list, and of a lightness that stands out from white and from black.
const clusterColor = (number) => `oklch(${[0.56, 0.66][number % 2]} 0.15 ${(number * 137.5 + 40) % 360})`;

function decodePoints({points, count}) {
  const bytes = Uint8Array.from(atob(points), (letter) => letter.charCodeAt(0)).buffer;
  const read = (start, Type) => new Type(bytes, start * count, count);
  return {x: read(0, Uint16Array), y: read(2, Uint16Array), year: read(4, Int16Array), cluster: read(6, Uint8Array)};
}

class AtlasMap {
  constructor(points, above, data, settled) {
    Object.assign(this, decodePoints(data), {points, above, settled, count: data.count, names: data.clusters});
    this.camera = {x: 0.5, y: 0.5, zoom: 1};
    this.pictures = new Map();  // by row: its sheet and where it lies there
    this.shown = [];  // rows whose picture is in view
    this.chosen = new Uint8Array(this.count);
    this.anyChosen = false;
    this.pointed = null;  // row
    this.layout = this.before = "map";
    this.moved = 1;
    const known = [...new Set(this.year)].filter((year) => year !== UNKNOWN);
    this.known = known.length ? [Math.min(...known), Math.max(...known)] : null;
    this.years = this.known ?? [0, 0];
    this.still = matchMedia("(prefers-reduced-motion: reduce)");
    this.startGpu();
    this.resize();
  }

  // --- the GPU ---

  startGpu() {
    const gl = this.gl = this.points.getContext("webgl", {antialias: false, premultipliedAlpha: true});
    if (!gl) throw new Error("no WebGL");
    const program = gl.createProgram();
    for (const [kind, text] of [[gl.VERTEX_SHADER, VERTEX], [gl.FRAGMENT_SHADER, FRAGMENT]]) {
      const shader = gl.createShader(kind);
      gl.shaderSource(shader, text);
      gl.compileShader(shader);
      gl.attachShader(program, shader);
    }
    gl.linkProgram(program);
    gl.useProgram(program);
    gl.enable(gl.BLEND);
    gl.blendFunc(gl.ONE, gl.ONE_MINUS_SRC_ALPHA);
    const uniforms = ["centre", "scale", "years", "moved", "size", "choosing", "dated"];
    this.uniforms = Object.fromEntries(uniforms.map((name) => [name, gl.getUniformLocation(program, name)]));
    const attributes = ["before", "after", "color", "year", "chosen"];
    this.attributes = Object.fromEntries(attributes.map((name) => [name, gl.getAttribLocation(program, name)]));
    this.buffers = {map: gl.createBuffer(), time: gl.createBuffer(), grid: gl.createBuffer()};
    this.fill("color", this.pointColors(), 3, gl.UNSIGNED_BYTE, true);
    this.fill("year", Float32Array.from(this.year), 1, gl.FLOAT);
    this.chosenBuffer = this.fill("chosen", this.chosen, 1, gl.UNSIGNED_BYTE);
  }

  fill(name, values, size, type, normalized = false) {
    const {gl} = this, buffer = gl.createBuffer();
    gl.bindBuffer(gl.ARRAY_BUFFER, buffer);
    gl.bufferData(gl.ARRAY_BUFFER, values, gl.STATIC_DRAW);
    this.point(name, buffer, size, type, normalized);
    return buffer;
  }

  point(name, buffer, size = 2, type = this.gl.FLOAT, normalized = false) {
    const {gl} = this, place = this.attributes[name];
    gl.bindBuffer(gl.ARRAY_BUFFER, buffer);
    gl.enableVertexAttribArray(place);
    gl.vertexAttribPointer(place, size, type, normalized, 0, 0);
  }

  pointColors() {
    this.colors = this.names.map((_, number) => clusterColor(number));
    const strip = new OffscreenCanvas(this.names.length, 1).getContext("2d");
    this.colors.forEach((color, number) => { strip.fillStyle = color; strip.fillRect(number, 0, 1, 1); });
    const drawn = strip.getImageData(0, 0, this.names.length, 1).data, colors = new Uint8Array(3 * this.count);
    for (let row = 0; row < this.count; row++) {
      for (let part = 0; part < 3; part++) colors[3 * row + part] = drawn[4 * this.cluster[row] + part];
    }
    return colors;
  }

  // --- the layouts ---

  resize() {
    const {clientWidth, clientHeight} = this.above;
    if (!clientWidth) return;
    this.width = clientWidth;
    this.height = clientHeight;
    this.ratio = Math.min(devicePixelRatio || 1, 2);
    for (const canvas of [this.points, this.above]) {
      canvas.width = clientWidth * this.ratio;
      canvas.height = clientHeight * this.ratio;
    }
    this.places = {map: this.mapPlaces(), time: this.timePlaces(), grid: this.gridPlaces()};
    for (const [name, places] of Object.entries(this.places)) {
      this.gl.bindBuffer(this.gl.ARRAY_BUFFER, this.buffers[name]);
      this.gl.bufferData(this.gl.ARRAY_BUFFER, places, this.gl.STATIC_DRAW);
    }
    this.changed();
  }

  get inner() { return [this.width - 2 * PAD, this.height - 2 * PAD]; }

  mapPlaces() {
    const places = new Float32Array(2 * this.count);
    for (let row = 0; row < this.count; row++) {
      places[2 * row] = this.x[row] / 65535;
      places[2 * row + 1] = 1 - this.y[row] / 65535;
    }
    this.middles = this.names.map((_, number) => this.middleOf(number, places));
    return places;
  }

  middleOf(number, places) {
    const xs = [], ys = [];
    this.cluster.forEach((own, row) => {
      if (own === number) { xs.push(places[2 * row]); ys.push(places[2 * row + 1]); }
    });
    const at = (values, share) => Float32Array.from(values).sort()[Math.floor(share * (values.length - 1))] ?? 0.5;
    return {x: at(xs, 0.5), y: at(ys, 0.5), works: xs.length,
      width: at(xs, 0.95) - at(xs, 0.05), height: at(ys, 0.95) - at(ys, 0.05)};
  }

  ordered() {
    this.order ??= Uint32Array.from({length: this.count}, (_, row) => row)
      .sort((a, b) => this.cluster[a] - this.cluster[b] || this.year[a] - this.year[b] || a - b);
    return this.order;
  }

  // A column for some years, filled from below, of cells as square as can be; beside them the works without a year.
  timePlaces() {
    const places = new Float32Array(2 * this.count), [width, height] = this.inner;
    const [first, last] = this.known ?? [0, 0], dated = this.year.reduce((sum, year) => sum + (year !== UNKNOWN), 0);
    const apart = dated < this.count ? clamp(0.6 * (1 - dated / this.count), 0.1, 0.3) : 0;  // of the width
    const reach = 1 - apart - (apart && 0.03), wanted = clamp(Math.sqrt(dated) * width / height, 8, width / 6);
    const step = STEPS.find((years) => (last - first + 1) / years <= wanted) ?? STEPS.at(-1);
    const start = Math.floor(first / step) * step, columns = Math.floor((last - start) / step) + 1;
    const column = (row) => this.year[row] === UNKNOWN ? columns : Math.floor((this.year[row] - start) / step);
    const full = new Uint32Array(columns + 1);
    for (let row = 0; row < this.count; row++) full[column(row)]++;
    const most = full.subarray(0, columns).reduce((a, b) => Math.max(a, b), 1), across = reach * width / columns;
    const cell = Math.min(across, Math.sqrt(height * across / most));
    const side = [Math.max(1, Math.floor(0.92 * across / cell)), Math.max(1, Math.floor(apart * width / cell))];
    const rows = [Math.ceil(most / side[0]), Math.ceil(full[columns] / side[1])].map((n) => Math.max(n, height / cell));
    full.fill(0);
    for (const row of this.ordered()) {
      const own = column(row), place = full[own]++, block = own === columns ? 1 : 0, wide = side[block];
      const within = (place % wide + 0.5) / wide;
      places[2 * row] = block ? 1 - apart + apart * within : reach * (own + 0.04 + 0.92 * within) / columns;
      places[2 * row + 1] = 1 - (Math.floor(place / wide) + 0.5) / rows[block];
    }
    this.axis = {step, start, columns, reach, apart, cell};
    return places;
  }

  gridPlaces() {
    const places = new Float32Array(2 * this.count), [width, height] = this.inner;
    this.columns = Math.ceil(Math.sqrt(this.count * width / height));
    const rows = Math.ceil(this.count / this.columns);
    this.ordered().forEach((row, place) => {
      places[2 * row] = (place % this.columns + 0.5) / this.columns;
      places[2 * row + 1] = (Math.floor(place / this.columns) + 0.5) / rows;
    });
    return places;
  }

  arrange(layout) {
    if (layout === this.layout) return;
    this.before = this.layout;
    this.layout = layout;
    this.moved = 0;
    this.moveStart = performance.now();
    this.fly({x: 0.5, y: 0.5, zoom: 1});
  }

  // --- where works are on the screen ---

  at(x, y) {
    const [width, height] = this.inner, {camera} = this;
    return [this.width / 2 + (x - camera.x) * camera.zoom * width,
      this.height / 2 + (y - camera.y) * camera.zoom * height];
  }

  placeOf(row) { return this.at(this.places[this.layout][2 * row], this.places[this.layout][2 * row + 1]); }

  get isDated() { return this.known && (this.years[0] > this.known[0] || this.years[1] < this.known[1]); }

  isHidden(row) {
    const year = this.year[row];
    return year === UNKNOWN ? this.isDated : year < this.years[0] || year > this.years[1];
  }

  inView() {
    const rows = [], places = this.places[this.layout], [width, height] = this.inner, {x, y, zoom} = this.camera;
    const w = this.width / 2 / zoom / width, h = this.height / 2 / zoom / height;
    for (let row = 0; row < this.count; row++) {
      if (Math.abs(places[2 * row] - x) < w && Math.abs(places[2 * row + 1] - y) < h && !this.isHidden(row)) {
        rows.push(row);
      }
    }
    return rows;
  }

  nearest(x, y, most = 22) {
    const picture = this.shown.findLast((row) => {
      const box = this.boxOf(row);
      return box && x > box[0] && x < box[0] + box[2] && y > box[1] && y < box[1] + box[3];
    });
    if (picture !== undefined) return picture;
    let best = null, least = most * most;
    for (const row of this.inView()) {
      const [a, b] = this.placeOf(row), distance = (a - x) ** 2 + (b - y) ** 2;
      if (distance < least) [best, least] = [row, distance];
    }
    return best;
  }

  inside(polygon) {
    return this.inView().filter((row) => {
      const [x, y] = this.placeOf(row);
      let odd = false;
      polygon.forEach(([ax, ay], i) => {
        const [bx, by] = polygon[(i + 1) % polygon.length];
        if (ay > y !== by > y && x < (bx - ax) * (y - ay) / (by - ay) + ax) odd = !odd;
      });
      return odd;
    });
  }

  // Works in view whose pictures do not cover each other; those that are shown stay.
  choosePictures() {
    const rows = this.inView(), [width, height] = this.inner;
    const room = {grid: width / this.columns * this.camera.zoom * 0.94, time: this.axis.cell * this.camera.zoom * 0.94,
      map: 0.9 * Math.sqrt(this.width * this.height / Math.max(rows.length, 1))}[this.layout];
    this.side = this.layout === "map" ? clamp(room, 40, 92) : Math.min(room, 96);
    if (rows.length > FEW || this.side < 18) return [];
    const stay = new Set(this.shown), taken = [];
    for (const row of rows.sort((a, b) => stay.has(b) - stay.has(a))) {
      const [x, y] = this.placeOf(row);
      if (taken.length === MOST_NEAR) break;
      if (this.layout !== "map" || taken.every(([, a, b]) => Math.max(Math.abs(a - x), Math.abs(b - y)) >= this.side)) {
        taken.push([row, x, y]);
      }
    }
    return taken.map(([row]) => row);
  }

  boxOf(row) {
    const picture = this.pictures.get(row);
    if (!picture) return null;
    const [x, y] = this.placeOf(row), [, , w, h] = picture.box, scale = this.side / Math.max(w, h);
    return [x - w * scale / 2, y - h * scale / 2, w * scale, h * scale];
  }

  // --- what changes it ---

  zoomBy(factor, x = this.width / 2, y = this.height / 2) {
    const zoom = clamp(this.camera.zoom * factor, 0.9, Math.max(30, Math.sqrt(this.count)));
    const [width, height] = this.inner, step = 1 / this.camera.zoom - 1 / zoom;
    this.look({x: this.camera.x + (x - this.width / 2) / width * step,
      y: this.camera.y + (y - this.height / 2) / height * step, zoom});
  }

  panBy(dx, dy) {
    const [width, height] = this.inner, {x, y, zoom} = this.camera;
    this.look({x: x - dx / zoom / width, y: y - dy / zoom / height, zoom});
  }

  look({x, y, zoom}) {
    this.flight = null;
    this.camera = {x: clamp(x, 0, 1), y: clamp(y, 0, 1), zoom};
    this.changed();
  }

  fly(to) {
    this.flight = {from: this.camera, to, start: performance.now()};
    this.changed();
  }

  flyToCluster(number) {
    const {x, y, width, height} = this.middles[number];
    this.fly({x, y, zoom: clamp(0.7 / Math.max(width, height, 0.02), 1, 12)});
  }

  choose(rows) {
    this.chosen.fill(0);
    for (const row of rows) this.chosen[row] = 1;
    this.anyChosen = rows.length > 0;
    this.gl.bindBuffer(this.gl.ARRAY_BUFFER, this.chosenBuffer);
    this.gl.bufferData(this.gl.ARRAY_BUFFER, this.chosen, this.gl.STATIC_DRAW);
    this.changed();
  }

  changed() {
    this.frame ??= requestAnimationFrame((now) => { this.frame = null; this.draw(now); });
    clearTimeout(this.rest);
    this.rest = setTimeout(() => this.settle(), 140);
  }

  settle() {
    if (!this.width || this.moved < 1 || this.flight) return;
    this.shown = this.choosePictures();
    this.settled(this.shown.filter((row) => !this.pictures.has(row)));
    this.frame ??= requestAnimationFrame((now) => { this.frame = null; this.draw(now); });
  }

  advance(now) {
    const part = (start, whole) => this.still.matches ? 1 : clamp((now - start) / whole, 0, 1);
    if (this.moved < 1) this.moved = part(this.moveStart, MOVE_MS);
    if (this.flight) {
      const {from, to, start} = this.flight, t = part(start, FLY_MS), way = ease(t);
      const between = (key) => from[key] + (to[key] - from[key]) * way;
      this.camera = {x: between("x"), y: between("y"), zoom: from.zoom * (to.zoom / from.zoom) ** way};
      if (t === 1) this.flight = null;
    }
    if (this.moved < 1 || this.flight) this.changed();
  }

  get pointSize() {
    const [width, height] = this.inner, {zoom} = this.camera;
    if (this.layout === "map") return clamp(0.4 * Math.sqrt(width * height / this.count), 2, 9) * zoom ** 0.6;
    return 0.84 * zoom * (this.layout === "grid" ? width / this.columns : this.axis.cell);
  }

  draw(now) {
    if (!this.width) return;
    this.advance(now);
    const {gl, camera, uniforms} = this, [width, height] = this.inner;
    gl.viewport(0, 0, this.points.width, this.points.height);
    gl.clear(gl.COLOR_BUFFER_BIT);
    this.point("before", this.buffers[this.before]);
    this.point("after", this.buffers[this.layout]);
    gl.uniform2f(uniforms.centre, camera.x, camera.y);
    gl.uniform2f(uniforms.scale, 2 * camera.zoom * width / this.width, 2 * camera.zoom * height / this.height);
    gl.uniform2f(uniforms.years, ...this.years);
    gl.uniform1f(uniforms.moved, this.moved);
    gl.uniform1f(uniforms.size, this.ratio * clamp(this.pointSize, 2, 22));
    gl.uniform1f(uniforms.choosing, this.anyChosen ? 1 : 0);
    gl.uniform1f(uniforms.dated, this.isDated ? 1 : 0);
    gl.drawArrays(gl.POINTS, 0, this.count);
    drawAbove(this);
  }
}
