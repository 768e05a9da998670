// Elements are built from text and numbers. Nothing is ever parsed as HTML.
const data = JSON.parse(document.getElementById('data').textContent);
const byId = (id) => document.getElementById(id);

function element(tag, options = {}, ...children) {
  const made = document.createElement(tag);
  return fill(made, options, children);
}

function drawing(tag, options = {}, ...children) {
  const made = document.createElementNS('http://www.w3.org/2000/svg', tag);
  return fill(made, options, children);
}

// Options: text, class, on (name -> listener), and attributes.
function fill(made, options, children) {
  for (const [name, value] of Object.entries(options)) {
    if (value === null || value === undefined || value === false) continue;
    if (name === 'text') made.textContent = value;
    else if (name === 'class') made.setAttribute('class', value);
    else if (name === 'on') {
      for (const [event, listener] of Object.entries(value)) made.addEventListener(event, listener);
    } else made.setAttribute(name, value === true ? '' : String(value));
  }
  made.append(...children.filter((child) => child !== null));
  return made;
}

const LONGEST = 40; // characters of a name on buttons and in lists
const ISOLATE = '\u2068';
const END_ISOLATE = '\u2069';

function cut(text, most) {
  const some = Array.from(text.slice(0, 2 * most + 2));
  return some.length > most ? some.slice(0, most).join('') + '\u2026' : text;
}

// One line. The isolates keep the writing direction of a name within it.
function short(text, most = LONGEST) {
  const line = cut(text.slice(0, 4 * most).replace(/[\s\u0085\u2028\u2029]+/g, ' '), most);
  return ISOLATE + (line.trim() === '' ? '(blank)' : line) + END_ISOLATE;
}

const shortNames = data.classes.map((name) => short(name));
const className = (label) => (label >= 0 ? shortNames[label] : '-');

const briefName = (label, most) => (label >= 0 ? short(data.classes[label], most) : '-');

// A name in its own writing direction; a cut one has the whole name as a tooltip.
function nameOf(label) {
  if (label < 0) return element('span', { text: '-' });
  const whole = data.classes[label];
  const cutShort = shortNames[label] !== ISOLATE + whole + END_ISOLATE;
  return element('bdi', { text: shortNames[label], dir: 'auto', class: 'name', title: cutShort ? cut(whole, 500) : null });
}

const grouped = new Intl.NumberFormat('en-US');
const count = (n) => grouped.format(n);
const share = (p, digits = 1) =>
  p === null || p === undefined ? 'not known' : `${(100 * p).toFixed(digits)}\u00a0%`;
const thousandths = (p) => (p === null ? '\u2013' : (p / 1000).toFixed(3));
// Thousandths as whole per cent; never 0 or 100, as nothing is so sure.
function percent(p) {
  if (p === null || p === undefined) return '\u2013';
  const shown = p >= 995 ? '>\u200a99' : p < 5 ? '<\u200a1' : String(Math.round(p / 10));
  return `${shown}\u00a0%`;
}
const plural = (n, one, many = `${one}s`) => `${count(n)} ${n === 1 ? one : many}`;
