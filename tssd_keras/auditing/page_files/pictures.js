// Pictures: a line each in blocks that are never run, taken out when they are first shown.
const lines = {};

function lineOf(block, at) {
  if (!(block in lines)) {
    lines[block] = byId(block).textContent.split('\n');
    byId(block).textContent = ''; // else the page holds them twice
  }
  return JSON.parse(lines[block][at]);
}

const pictureAt = new Map(data.pictures.at.map((i, at) => [i, at]));
const nBeside = byId('beside').textContent === '' ? 0 : (lineOf('beside', 0), lines.beside.length);
const isImage = data.pictures.kind === 'image';
const isRows = data.pictures.kind === 'row';

function withoutPicture() {
  if (data.pictures.kind === 'none') return data.trained ? 'No picture is in this page.' : 'The samples themselves were not given to this page: audit --images, --texts or --features shows them.';
  return `Not in the page: ${count(pictureAt.size)} samples have a picture. audit --pictures-mb makes room for more.`;
}

// A picture, text or row of a sample, as an element.
function pictureOf(i) {
  if (!pictureAt.has(i) && hasOriginals) return originalOf(i);
  if (!pictureAt.has(i)) return element('p', { class: 'picture none quiet', text: withoutPicture() });
  return shownAs(lineOf('pictures', pictureAt.get(i)), nameOfSample(i), i);
}

// The same in little, for the grid and for paper.
function thumbOf(i) {
  if (!pictureAt.has(i) && data.pictures.kind === 'none') return element('p', { class: 'picture none named', text: nameOfSample(i) });
  return isRows && pictureAt.has(i) ? briefRow(lineOf('pictures', pictureAt.get(i))) : pictureOf(i);
}

function besideOf(at) {
  const content = lineOf('beside', at);
  return isRows ? briefRow(content) : shownAs(content, `kept sample ${data.beside.index[at]}`);
}

function shownAs(content, name, i = -1) {
  if (isRows) return tableOf(content, i);
  if (!isImage) return element('div', { class: 'picture text', dir: 'auto', text: content });
  return element('img', { class: 'picture', src: content, alt: cut(name, 80), draggable: 'false', decoding: 'sync' });
}

// Pictures of the coming samples are made before their turn, and kept until it has come.
const ready = new Map();

function readyPicture(i) {
  if (!ready.has(i)) ready.set(i, hasOriginals ? originalOf(i) : pictureOf(i));
  return ready.get(i);
}

function prepare(coming) {
  const wanted = new Set(coming);
  for (const i of ready.keys()) if (!wanted.has(i)) ready.delete(i);
  for (const i of coming) {
    const made = readyPicture(i);
    if (made.decode) made.decode().catch(() => {});
  }
}

// Whether an element can be seen as a whole, or as much of it as the window holds.
function onScreen(made) {
  if (!made || !made.isConnected || !made.checkVisibility()) return false;
  const box = made.getBoundingClientRect();
  const bar = byId('bar').getBoundingClientRect();
  const floor = getComputedStyle(byId('bar')).position === 'static' ? window.innerHeight : Math.min(window.innerHeight, bar.top);
  const head = document.querySelector('header');
  const ceiling = getComputedStyle(head).position === 'static' ? 0 : Math.max(0, head.getBoundingClientRect().bottom);
  const high = Math.min(box.bottom, floor) - Math.max(box.top, ceiling);
  const wide = Math.min(box.right, window.innerWidth) - Math.max(box.left, 0);
  return high >= 0.9 * Math.min(box.height, floor - ceiling) && wide >= 0.9 * Math.min(box.width, window.innerWidth);
}
