// Keys by their place on the keyboard (KeyboardEvent.code), so that they lie the same on each layout.
const KEYS = [
  ['KeyC', 'c', 'Confirm the suggestion', () => ACT.confirm(), 'decides'],
  ['KeyK', 'k', 'Keep the given label', () => ACT.keep(), 'decides'],
  ...[1, 2, 3, 4, 5].map((n) => [`Digit${n}`, String(n), `The class that stands there as number ${n}`, () => nth(n), 'decides']),
  ['KeyO', 'o', 'Choose another class', () => ACT.other(), 'decides'],
  ['KeyS', 's', 'Not sure: it counts as no decision', () => ACT.unsure(), 'decides'],
  ['KeyX', 'x', 'Unusable: it is not trained on', () => ACT.unusable(), 'decides'],
  ['KeyU', 'u', 'Undo, also after a reload', () => undo()],
  ['KeyG', 'g', 'One at a time, or the grid', () => switchView()],
  ['KeyF', 'f', 'Filter and sort', () => openFilters()],
  ['ArrowRight', '\u2192', 'Next sample', (event) => move(1, event)],
  ['ArrowLeft', '\u2190', 'Previous sample', (event) => move(-1, event)],
  ['ArrowDown', '\u2193', 'Next sample; in the grid a row down', (event) => move(state.view === 'grid' ? grid.columns : 1, event)],
  ['ArrowUp', '\u2191', 'Previous sample; in the grid a row up', (event) => move(state.view === 'grid' ? -grid.columns : -1, event)],
  ['KeyN', 'n', 'Next undecided sample; in the grid the next screen', () => leap(1)],
  ['KeyP', 'p', 'The undecided sample before; in the grid the screen before', () => leap(-1)],
  ['KeyA', 'a', 'Grid: select all that are undecided, or none', () => selectAll(), 'grid'],
  ['Space', 'Space', 'Grid: select the sample, or not', () => toggle(current()), 'grid'],
  ['Escape', 'Esc', 'Grid: select none', () => { chooseOnly([]); refresh(); }, 'grid'],
  ['Enter', 'Enter', 'Grid: look at the sample alone', () => switchView('one'), 'grid'],
  ['KeyE', 'e', 'Show all of a text or a table that goes on', () => unfold()],
  ['KeyZ', 'z', 'Zoom: full size, twice that, and back', () => switchZoom()],
  ['KeyM', 'm', 'Scale small pictures up in squares, or smoothly', () => switchSquares()],
  ['Help', '?', 'These keys', () => byId('help').showModal()],
];
const learned = new Map(); // code -> letter on the keyboard that is typed on

const move = (by, event) => (state.view === 'grid' ? moveInGrid(by, event.shiftKey) : step(by));

// The letter at a key's place; as on a US keyboard until it was pressed once.
function learn(event) {
  if (event.shiftKey || !/^Key[A-Z]$/.test(event.code) || event.key.length !== 1) return;
  const letter = event.key.toLowerCase();
  if (learned.get(event.code) === letter || (!learned.has(event.code) && event.code === `Key${letter.toUpperCase()}`)) return;
  learned.set(event.code, letter);
  for (const made of document.querySelectorAll(`kbd[data-key="${event.code}"]`)) made.textContent = letter;
}

const letterOf = (code) => learned.get(code) || KEYS.find(([name]) => name === code)[1];
const keyCap = (code) => element('kbd', { 'data-key': code, 'aria-hidden': 'true', text: letterOf(code) });

// Ctrl+Z goes by its letter, as everywhere; by its place where a layout has no such letters.
function isUndo(event) {
  if (!(event.ctrlKey || event.metaKey) || event.altKey || event.shiftKey) return false;
  return /^[a-z]$/i.test(event.key) ? event.key.toLowerCase() === 'z' : event.code === 'KeyZ';
}

// A key's place; on the number pad what it gives, digits or (without Num Lock) arrows.
function codeOf(event) {
  if (event.key === '?') return 'Help';
  return event.code.startsWith('Numpad') ? event.key.replace(/^[0-9]$/, 'Digit$&') : event.code;
}

function onKey(event) {
  if (document.querySelector('dialog[open]')) return;
  if (isUndo(event) && !event.target.closest('input, textarea')) {
    event.preventDefault();
    undo();
    return;
  }
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
  if (event.target.closest('input, select, textarea, .wide, .tall')) return;
  const code = codeOf(event);
  const key = KEYS.find(([name]) => name === code);
  if (!key || (!byId('keys-on').checked && code !== 'Help')) return;
  if (key[4] === 'grid' && code !== 'KeyA' && (state.view !== 'grid' || event.target.closest('button, a, summary'))) return;
  if (code.startsWith('Arrow') && byId('decide').hidden) return;
  learn(event);
  event.preventDefault();
  if (event.repeat && key[4] === 'decides') return; // a key that is held decides once
  if (!byId('other').hidden) closeOther({ focus: false });
  key[3](event);
}

function focusSamples() {
  (state.view === 'one' ? byId('stage') : byId('grid')).focus({ preventScroll: true });
}
