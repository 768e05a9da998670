// Rows of numbers: each value with its column's name, and how far it is from what is usual in its class.
const MOST_IN_TABLE = 24; // values in one of the tables that stand beside each other
const MOST_BRIEF = 6; // of a tile
const columnName = (at) => data.pictures.columns[at] ?? `number ${at + 1}`;
const valueText = (value) => (value === null ? '\u2013' : String(value));

// Standard deviations as people say it.
function farness(z) {
  if (z === null) return '\u2013';
  const size = Math.abs(z);
  if (size >= 99) return 'unlike all';
  const side = z > 0 ? 'high' : 'low';
  const word = size < 1 ? 'usual' : size < 2 ? `a little ${side}` : size < 3 ? side : z > 0 ? 'far above' : 'far below';
  return `${word} (${z < 0 ? '\u2212' : '+'}${size.toFixed(1)})`;
}

const farClass = (z) => (z !== null && Math.abs(z) >= 2 ? 'far' : null);

function tableOf(row, i) {
  const { width } = data.pictures;
  const both = i >= 0 && differs(i);
  const head = (text) => element('th', { scope: 'col', text });
  const heads = () => element('thead', {}, element('tr', {}, head('column'), head('value'),
    head(i < 0 ? 'in its class' : briefName(samples.given[i], 16)), both ? head(briefName(samples.suggested[i], 16)) : null));
  const line = (at, n) => element('tr', {}, element('th', { scope: 'row', text: columnName(at) }), element('td', { text: valueText(row.value[n]) }),
    element('td', { class: farClass(row.given[n]), text: farness(row.given[n]) }),
    both ? element('td', { class: farClass(row.suggested[n]), text: farness(row.suggested[n]) }) : null);
  const lines = row.at.map(line);
  const tables = [];
  for (let at = 0; at < lines.length; at += MOST_IN_TABLE) {
    tables.push(element('table', { class: 'numbers' }, heads(), element('tbody', {}, ...lines.slice(at, at + MOST_IN_TABLE))));
  }
  const which = width > lines.length ? `The ${count(lines.length)} of ${count(width)} numbers that are farthest from its class. ` : '';
  return element('div', { class: 'picture rowed' }, element('p', { class: 'quiet',
    text: `${which}In brackets: standard deviations from the mean of the kept samples of that class.` }), element('div', { class: 'tables' }, ...tables));
}

// The values farthest from its class alone.
function briefRow(row) {
  const order = row.at.map((at, n) => [Math.abs(row.given[n] ?? 0), at, n]).sort((a, b) => b[0] - a[0]).slice(0, MOST_BRIEF);
  return element('div', { class: 'picture rowed few' }, ...order.map(([, at, n]) => element('p', { class: farClass(row.given[n]), text: `${columnName(at)} ${valueText(row.value[n])}` })));
}
