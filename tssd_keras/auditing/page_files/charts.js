// Charts as SVG. Colours come from the style sheet, so that they follow light and dark.
const CHART = { height: 200, left: 46, right: 24, top: 10, bottom: 28 };

// A chart is drawn for the width that it has, so that its text has the size of all other text.
function sized(draw) {
  const holder = element('div', { class: 'chart-place' });
  let width = 0;
  new ResizeObserver(() => {
    const now = Math.max(200, Math.floor(holder.clientWidth));
    if (now !== width) holder.replaceChildren(draw(width = now));
  }).observe(holder);
  return holder;
}

function frame(label, width, xTicks, yTicks, x, y) {
  const { height, left, right, bottom } = CHART;
  const svg = drawing('svg', {
    width, height, role: 'img', 'aria-label': label, class: 'chart',
  });
  for (const [value, text] of yTicks) {
    svg.append(
      drawing('line', { x1: left, x2: width - right, y1: y(value), y2: y(value), class: 'grid' }),
      drawing('text', { x: left - 6, y: y(value) + 4, 'text-anchor': 'end', text }),
    );
  }
  for (const [value, text] of xTicks) {
    svg.append(drawing('text', { x: x(value), y: height - bottom + 18, 'text-anchor': 'middle', text }));
  }
  return svg;
}

function scale(low, high, from, to) {
  const span = high > low ? high - low : 1;
  return (value) => from + ((value - low) / span) * (to - from);
}

// Some whole numbers of a range, not too many to be read.
function wholeTicks(low, high) {
  const step = Math.max(1, Math.ceil((high - low) / 8));
  const ticks = [];
  for (let v = low; v <= high; v += step) ticks.push([v, String(v)]);
  return ticks;
}

// series: {name, class, x: [..], y: [..]}, y null where there is no value.
function lineChart(label, series, { yTicks, low = 0, high = 1, mark = null }) {
  const drawn = series
    .map((s) => ({ ...s, points: s.x.map((v, i) => [v, s.y[i]]).filter((p) => p[1] !== null) }))
    .filter((s) => s.points.length);
  if (!drawn.length) return null;
  const draw = (width) => drawLines(label, drawn, width, { yTicks, low, high, mark });
  return element('figure', {}, sized(draw), legend(drawn));
}

function drawLines(label, drawn, width, { yTicks, low, high, mark }) {
  const epochs = drawn.flatMap((s) => s.points.map((p) => p[0]));
  const first = Math.min(...epochs);
  const last = Math.max(...epochs);
  const { height, left, right, top, bottom } = CHART;
  const x = scale(first, last, left, width - right);
  const y = scale(low, high, height - bottom, top);
  const svg = frame(label, width, wholeTicks(first, last), yTicks, x, y);
  if (mark !== null && mark >= first) {
    svg.append(drawing('line', { x1: x(mark), x2: x(mark), y1: top, y2: height - bottom, class: 'mark' }));
  }
  for (const s of drawn) {
    const path = s.points.map((p, i) => `${i ? 'L' : 'M'}${x(p[0]).toFixed(1)} ${y(p[1]).toFixed(1)}`);
    svg.append(drawing('path', { d: path.join(''), class: `line ${s.class}` }));
    if (s.points.length === 1) {
      svg.append(drawing('circle', { cx: x(s.points[0][0]), cy: y(s.points[0][1]), r: 3, class: `dot ${s.class}` }));
    }
  }
  return svg;
}

function legend(items) {
  const rows = items.map((item) =>
    element('li', {},
      drawing('svg', { viewBox: '0 0 28 10', class: 'key', 'aria-hidden': 'true' },
        drawing('line', { x1: 1, x2: 27, y1: 5, y2: 5, class: `line ${item.class}` })),
      item.name));
  return element('ul', { class: 'legend' }, ...rows);
}

// Scores, and the mixture of two Gaussians fitted to them.
function histogram(label, mixture, cleanIsLow) {
  const total = mixture.counts.reduce((a, b) => a + b, 0);
  if (!total) return element('p', { class: 'quiet', text: 'No samples.' });
  const fitted = mixture.mean.length;
  return element('figure', {}, sized((width) => drawHistogram(label, mixture, cleanIsLow, width)),
    ...(fitted ? [legend([{ name: 'fitted: right labels', class: 'right' }, { name: 'fitted: wrong labels', class: 'wrong' }])] : []),
    element('p', { class: 'quiet' }, ...(mixture.abstains ? abstention(fitted) : [`${count(total)} samples.`])));
}

function drawHistogram(label, mixture, cleanIsLow, width) {
  const total = mixture.counts.reduce((a, b) => a + b, 0);
  const bins = mixture.counts.length;
  const density = mixture.counts.map((n) => (n * bins) / total);
  const steps = Array.from({ length: 201 }, (_, i) => i / 200);
  const bell = (i, at) =>
    (mixture.share[i] * Math.exp(-((at - mixture.mean[i]) ** 2) / (2 * mixture.variance[i]))) /
    Math.sqrt(2 * Math.PI * mixture.variance[i]);
  // Log-odds among neighbours have no mixture fitted to them.
  const curves = mixture.mean.map((_, i) => steps.map((at) => bell(i, at)));
  // One full bin must not flatten all else: the axis ends where most of it can be seen.
  const highest = Math.max(...curves.flat(), ...density.slice().sort((a, b) => b - a).slice(1)) || Math.max(...density);
  const { height, left, right, top, bottom } = CHART;
  const x = scale(0, 1, left, width - right);
  const y = scale(0, highest, height - bottom, top);
  const { low, high } = mixture;
  const ends = [[0, low], [0.5, (low + high) / 2], [1, high]];
  const tick = (v) => (Math.abs(v) < (high - low) / 1000 ? '0' : String(Number(v.toPrecision(3))));
  const svg = frame(label, width, ends.map(([at, v]) => [at, tick(v)]), [], x, y);
  density.forEach((d, i) => {
    const up = y(Math.min(d, highest));
    svg.append(drawing('rect', {
      x: x(i / bins) + 0.5, width: Math.max(1, (width - left - right) / bins - 1), y: up, height: height - bottom - up, class: 'bin',
    }));
  });
  const kinds = cleanIsLow ? ['right', 'wrong'] : ['wrong', 'right'];
  curves.forEach((curve, i) => {
    const d = curve.map((v, j) => `${j ? 'L' : 'M'}${x(steps[j]).toFixed(1)} ${y(v).toFixed(1)}`).join('');
    svg.append(drawing('path', { d, class: `line ${kinds[i]}` }));
  });
  return svg;
}

// The one word of a chart that needs the glossary leads there.
function abstention(fitted) {
  if (!fitted) return ['The neighbours say nothing of this class: the stream abstains here.'];
  return ['The scores are ', element('a', { href: '#term-unimodal', text: 'unimodal' }), ': the stream abstains here.'];
}

// The pairs of given and suggested class that samples of this page have.
const pairsHere = new Set();

function inPair(given, suggested) {
  if (!pairsHere.size) for (const i of samples.index.keys()) pairsHere.add(pairKey(i));
  return pairsHere.has(given * data.classes.length + suggested);
}

const MOST_NUMBERED = 16; // classes up to which the matrix is a table of numbers

function heatMap(rows, rowTitle, columnTitle) {
  return rows.length <= MOST_NUMBERED ? numberedMap(rows, rowTitle, columnTitle) : colouredMap(rows, rowTitle, columnTitle);
}

function numberedMap(rows, rowTitle, columnTitle) {
  const head = element('tr', {}, element('th', { scope: 'col', text: `${rowTitle} \u2193 / ${columnTitle} \u2192` }),
    ...rows.map((_, j) => element('th', { scope: 'col' }, nameOf(j))));
  const body = rows.map((row, i) =>
    element('tr', {}, element('th', { scope: 'row' }, nameOf(i)),
      ...row.map((p, j) => {
        const text = p < 5 ? (p > 0 ? '<1' : '') : String(Math.round(p / 10));
        const cell = element('td', { class: i === j ? 'cell same' : 'cell' }, inPair(j, i) ? element('button', {
          type: 'button', text: text || '0', 'aria-label': `${className(j)}, ${rowTitle} ${className(i)}: ${text || '0'} per cent; show the samples`,
          on: { click: () => leadTo({ pair: String(j * rows.length + i) }) } }) : text);
        cell.style.setProperty('--share', String(Math.sqrt(p / 1000)));
        return cell;
      })));
  const table = element('table', { class: 'map' }, element('thead', {}, head), element('tbody', {}, ...body));
  return element('div', { class: 'wide', tabindex: 0, role: 'region', 'aria-label': `${rowTitle} by ${columnTitle}, per cent` }, table);
}

// Many classes: a picture, a square a cell; pointing at one names it.
function colouredMap(rows, rowTitle, columnTitle) {
  const k = rows.length;
  const side = Math.max(1, Math.floor(400 / k));
  const canvas = element('canvas', {
    width: side * k, height: side * k, class: 'map', role: 'img',
    'aria-label': `${rowTitle} by ${columnTitle}; the largest entries are in the table of pairs`,
  });
  const says = element('p', { class: 'quiet', text: `Rows: ${rowTitle}, columns: ${columnTitle}. Point at a square to read it.` });
  const paint = () => {
    const context = canvas.getContext('2d');
    const style = getComputedStyle(document.documentElement);
    context.fillStyle = style.getPropertyValue('--panel');
    context.fillRect(0, 0, side * k, side * k);
    rows.forEach((row, i) => row.forEach((p, j) => {
      context.globalAlpha = Math.sqrt(p / 1000);
      context.fillStyle = style.getPropertyValue(i === j ? '--right' : '--wrong');
      if (p) context.fillRect(j * side, i * side, side, side);
    }));
    context.globalAlpha = 1;
  };
  const named = (event) => {
    const box = canvas.getBoundingClientRect();
    const j = Math.min(k - 1, Math.max(0, Math.floor(((event.clientX - box.left) / box.width) * k)));
    const i = Math.min(k - 1, Math.max(0, Math.floor(((event.clientY - box.top) / box.height) * k)));
    says.textContent = `${rowTitle} ${className(i)}, ${columnTitle} ${className(j)}: ${share(rows[i][j] / 1000)}${inPair(j, i) ? '. Click: its samples' : ''}`;
    return [j, i];
  };
  canvas.addEventListener('pointermove', named);
  canvas.addEventListener('click', (event) => {
    const [given, other] = named(event);
    if (inPair(given, other)) leadTo({ pair: String(given * k + other) });
  });
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', paint);
  paint();
  return element('div', {}, canvas, says);
}
