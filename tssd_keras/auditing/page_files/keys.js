// Keys that decide and move, and the start of the page.
const KEYS = [
  ['c', 'Confirm the suggestion', () => ACT.confirm(view.current)],
  ['k', 'Keep the given label', () => ACT.keep(view.current)],
  ['o', 'Choose another class', () => ACT.other(view.current)],
  ['s', 'Skip', () => ACT.skip(view.current)],
  ['u', 'Undo', undo],
  ['ArrowRight', 'Next sample', () => step(1)],
  ['ArrowLeft', 'Previous sample', () => step(-1)],
  ['n', 'Next page', () => { showPage(view.page + 1); makeCurrent(view.current); }],
  ['p', 'Previous page', () => { showPage(view.page - 1); makeCurrent(view.current); }],
  ['?', 'These keys', () => byId('help').showModal()],
];

function step(by) {
  const rows = onPage();
  const next = rows[rows.indexOf(view.current) + by];
  if (next !== undefined) makeCurrent(next);
  else if (by > 0 && view.page < lastPage()) {
    showPage(view.page + 1);
    makeCurrent(view.current);
  } else if (by < 0 && view.page > 0) {
    showPage(view.page - 1);
    makeCurrent(onPage().at(-1));
  }
}

function onKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector('dialog[open]')) return;
  if (event.target.closest('input, select, textarea, .wide, .tall')) return;
  const pressed = event.key.length === 1 ? event.key.toLowerCase() : event.key; // Caps Lock or not
  const key = KEYS.find(([name]) => name === pressed);
  if (!key || (!byId('keys-on').checked && key[0] !== '?')) return;
  const needsSample = 'ckos'.includes(key[0]) || key[0].startsWith('Arrow');
  if (needsSample && (view.current < 0 || (event.repeat && 'ckos'.includes(key[0])))) return;
  event.preventDefault();
  key[2]();
}

function start() {
  showOverview(showPair);
  loadDecisions();
  makeFilters();
  byId('help-rows').replaceChildren(...KEYS.map(([key, what]) => element('tr', {},
    element('td', {}, element('kbd', { text: key.replace('ArrowRight', '\u2192').replace('ArrowLeft', '\u2190') })), element('td', { text: what }))));
  byId('undo').addEventListener('click', undo);
  byId('export').addEventListener('click', exportDecisions);
  byId('help-open').addEventListener('click', () => byId('help').showModal());
  byId('help-close').addEventListener('click', () => byId('help').close());
  byId('other-close').addEventListener('click', () => byId('other').close());
  byId('other-search').addEventListener('input', listClasses);
  byId('other').addEventListener('keydown', moveInList);
  byId('other').addEventListener('close', () => makeCurrent(view.current));
  byId('cards').addEventListener('focusin', (event) => {
    const card = event.target.closest('.card');
    if (card && Number(card.dataset.i) !== view.current) makeCurrent(Number(card.dataset.i), { focus: false });
  });
  document.addEventListener('keydown', onKey);
  window.addEventListener('storage', (event) => {
    if (event.key !== STORE && event.key !== null) return;
    loadDecisions();
    showPage(view.page);
    showProgress();
  });
  changeOrder();
  toOpen(0, { focus: false }); // after a reload, where the work goes on
}

start();
