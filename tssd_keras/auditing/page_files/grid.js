// Many at once, to look over what is alike: as many tiles as the window holds, so that each is on
// the screen. Those are selected by click, shift and drag; a key decides on all of them.
const select = new Set();
const grid = { columns: 8, rows: 5, anchor: -1, drag: null, measured: false };
const GAP = 6; // pixels between tiles
const CAPTION = 38; // of a tile's height
const MOST = { narrow: 20, wide: 60 }; // tiles on a screen
const LEAST_SIDE = { narrow: 44, wide: 60 }; // pixels of a tile's width: for a finger, and to be seen

// Once a window: nothing that is said may change how many are shown.
function measureGrid() {
  grid.measured = true;
  const box = byId('grid').getBoundingClientRect();
  const size = window.innerWidth < 600 ? 'narrow' : 'wide';
  Object.assign(grid, { columns: 2, rows: 1 });
  // Square pictures above their captions, as many as fit, and not too many to be looked over.
  for (let columns = 2; columns < 24; columns += 1) {
    const side = (box.width + GAP) / columns;
    if (side < LEAST_SIDE[size] + GAP) break;
    const rows = Math.max(1, Math.floor((box.height + GAP) / (side + CAPTION)));
    const n = columns * rows;
    if (n <= MOST[size] && n > grid.columns * grid.rows) Object.assign(grid, { columns, rows });
  }
  byId('grid').style.setProperty('--columns', String(grid.columns));
  byId('grid').style.setProperty('--rows', String(grid.rows));
}

const pageSize = () => grid.columns * grid.rows;
const pageStart = () => Math.floor(Math.min(state.at, Math.max(0, state.list.length - 1)) / pageSize()) * pageSize();
const onPage = () => state.list.slice(pageStart(), pageStart() + pageSize());
const tileOf = (i) => byId('grid').querySelector(`[data-i="${i}"]`);

// Those that are selected; without any the current one.
const chosen = () => (select.size ? onPage().filter((i) => select.has(i)) : [current()].filter((i) => i >= 0));

function showGrid() {
  if (!grid.measured) measureGrid();
  const rows = onPage();
  const key = `${rows.join()}`;
  for (const i of select) if (!rows.includes(i)) select.delete(i);
  if (byId('grid').dataset.key !== key || !rows.length) {
    byId('grid').dataset.key = key;
    byId('grid').replaceChildren(...(rows.length ? rows.map(makeTile)
      : [element('p', { class: 'quiet empty', text: ordered().length ? 'No samples are like this.' : 'There is nothing to decide in this order.' })]));
  }
  for (const i of rows) showTile(i);
  byId('grid').setAttribute('aria-activedescendant', `tile-${current()}`);
}

function makeTile(i) {
  const p = samples.p_suggested[i];
  return element('div', { class: 'tile-of', role: 'option', id: `tile-${i}`, 'data-i': i, title: cut(nameOfSample(i), 200) }, thumbOf(i),
    element('span', { class: 'caption' }, element('span', { class: differs(i) ? 'from' : 'same', text: className(samples.given[i]) }),
      differs(i) || samples.rank[i] > 0 ? element('span', { class: 'p', text: calibrated ? percent(p) : rankOf(i) }) : null,
      differs(i) ? element('span', { class: 'to', text: `\u2192 ${className(samples.suggested[i])}` }) : null),
    element('span', { class: 'mark-of', 'aria-hidden': 'true' }), element('span', { class: 'unseen' }));
}

const MARKS = { confirm: '\u2713', keep: '=', other: '\u2260', unusable: '\u00d7', unsure: '?' };

function showTile(i) {
  const tile = tileOf(i);
  const action = actionOf(i);
  tile.dataset.state = action || 'open';
  tile.classList.toggle('current', i === current());
  tile.setAttribute('aria-selected', String(select.has(i)));
  tile.querySelector('.mark-of').textContent = action ? MARKS[action] : '';
  tile.querySelector('.unseen').textContent = action ? `${DONE[action]} ${labelName(decisionOf(i))}` : 'not decided';
}

function chooseOnly(places) {
  select.clear();
  for (const i of places) select.add(i);
}

function toggle(i, { range = false } = {}) {
  const rows = onPage();
  const from = rows.indexOf(grid.anchor);
  const to = rows.indexOf(i);
  if (range && from >= 0) for (const j of rows.slice(Math.min(from, to), Math.max(from, to) + 1)) select.add(j);
  else if (select.has(i)) select.delete(i);
  else select.add(i);
  if (!range) grid.anchor = i;
  state.at = placeInList(i);
  refresh();
}

// All of this screen that are not decided; again: none.
function selectAll() {
  if (state.view !== 'grid') return say('Selecting is for the grid: press g.');
  const rows = onPage();
  const open = rows.filter(isOpen);
  const wanted = open.length ? open : rows;
  chooseOnly(wanted.every((i) => select.has(i)) ? [] : wanted);
  say(select.size ? `${plural(select.size, 'sample')} selected.` : 'Nothing is selected.');
  return refresh();
}

// After a decision: the next undecided tile of this screen; where all are decided, the next screen.
function nextInGrid() {
  const rows = onPage();
  select.clear();
  const after = rows.find((i) => isOpen(i) && placeInList(i) > state.at) ?? rows.find(isOpen);
  if (after !== undefined) state.at = placeInList(after);
  else state.at = firstOpen(pageStart() + rows.length, state.at);
}

function turnPage(by) {
  const start = pageStart() + by * pageSize();
  if (start < 0 || start >= state.list.length) return say(by > 0 ? 'This is the last screen.' : 'This is the first screen.');
  select.clear();
  state.at = start;
  return refresh();
}

// The grid takes all of a pointer's events once it is pressed, so that their target is no tile.
const tileUnder = (event) => document.elementFromPoint(event.clientX, event.clientY)?.closest('.tile-of');

// A press and a way: what lies within the rectangle is selected, beside what was.
function beginDrag(event) {
  if (event.button !== 0) return;
  const tile = tileUnder(event);
  grid.drag = { x: event.clientX, y: event.clientY, before: new Set(select), tile, shift: event.shiftKey, moved: false };
  byId('grid').setPointerCapture(event.pointerId);
}

function goOnDragging(event) {
  const { drag } = grid;
  if (!drag) return;
  if (!drag.moved && Math.hypot(event.clientX - drag.x, event.clientY - drag.y) < 6) return;
  drag.moved = true;
  const [left, right] = [drag.x, event.clientX].sort((a, b) => a - b);
  const [top, bottom] = [drag.y, event.clientY].sort((a, b) => a - b);
  chooseOnly(drag.before);
  for (const tile of byId('grid').children) {
    const box = tile.getBoundingClientRect();
    if (box.left < right && box.right > left && box.top < bottom && box.bottom > top && tile.dataset.i) select.add(Number(tile.dataset.i));
  }
  for (const i of onPage()) showTile(i);
}

function endDrag(event) {
  const { drag } = grid;
  grid.drag = null;
  if (!drag) return;
  if (drag.moved) {
    say(`${plural(select.size, 'sample')} selected.`);
    refresh();
  } else if (drag.tile && event.type === 'pointerup') {
    toggle(Number(drag.tile.dataset.i), { range: drag.shift });
    byId('grid').focus({ preventScroll: true });
  }
}

function moveInGrid(by, extend) {
  if (!state.list.length) return;
  const from = state.at;
  const to = Math.min(Math.max(0, from + by), state.list.length - 1);
  const page = pageStart();
  state.at = to;
  if (pageStart() !== page) select.clear();
  else if (extend) {
    select.add(state.list[from]);
    select.add(state.list[to]);
  }
  refresh();
}
