// What is on the screen follows from the state; and the start of the page.
const PARTS = ['decide', 'overview', 'meaning'];

// The part that the address names; a word of the list is in the last one.
function showPart() {
  const wanted = location.hash.slice(1);
  const part = PARTS.includes(wanted) ? wanted : wanted.startsWith('term-') ? 'meaning' : 'decide';
  for (const name of PARTS) {
    byId(name).hidden = name !== part;
    document.querySelector(`nav a[href="#${name}"]`).toggleAttribute('aria-current', name === part);
  }
  document.body.dataset.part = part;
  if (part === 'overview') showOverview();
  if (wanted.startsWith('term-') && byId(wanted)) byId(wanted).scrollIntoView({ block: 'center' });
  if (part === 'decide') refresh();
}

function refresh() {
  byId('work').dataset.current = String(current());
  const inGrid = state.view === 'grid';
  document.body.dataset.view = state.view;
  byId('stage').hidden = inGrid;
  byId('grid').hidden = !inGrid;
  if (!byId('decide').hidden) {
    if (inGrid) showGrid();
    else showOne();
    closeOtherIfStale();
  }
  showActions();
  showWhere();
  showProgress();
}

function showWhere() {
  const n = state.list.length;
  const first = state.view === 'grid' ? pageStart() + 1 : Math.min(state.at + 1, n);
  const last = state.view === 'grid' ? Math.min(n, pageStart() + pageSize()) : first;
  byId('where').textContent = n ? `${count(first)}${last > first ? ` to ${count(last)}` : ''} of ${count(n)}` : '0 of 0';
  const active = activeFilters().length + (state.sort === 'own' ? 0 : 1);
  byId('filters-open').classList.toggle('active', active > 0);
  byId('filters-active').textContent = active ? ` (${active})` : '';
  for (const made of document.querySelectorAll('#ways button')) made.setAttribute('aria-pressed', String(made.dataset.way === state.way));
  for (const made of document.querySelectorAll('#views button')) made.setAttribute('aria-pressed', String(made.dataset.view === state.view));
  byId('about').textContent = ABOUT[state.way];
  byId('about').title = ABOUT[state.way];
}

function aboutTeaching() {
  return `${count(data.teaching.length)} of the ${count(data.overview.totals.judged)} judged samples, kept ones too, in an order drawn at random: ` +
    'the more uncertain a label the more often, and as many of each suggested class. Decide from the first on, and stop where you like.';
}

function aboutSuspects() {
  const all = data.overview.totals.suspects;
  const listed = samples.rank.slice(0, data.listed).filter((rank) => rank > 0).length;
  const kept = data.listed - listed;
  return `${all ? `${count(listed)} of ${count(all)} suspects, the surest first` : 'No label is suspected'}${kept ? `, and ${count(kept)} kept samples at random` : ''}.`;
}

const ABOUT = { surest: aboutSuspects(), teaching: aboutTeaching() };

function showProgress() {
  const list = ordered();
  const tallied = tally(IN_WAY[state.way]);
  const done = tallied.here;
  byId('progress').max = Math.max(1, list.length);
  byId('progress').value = done;
  const rate = aMinute();
  const left = list.length - done;
  const parts = [`${count(done)} decided, ${count(left)} left`];
  if (rate !== null) parts.push(`${rate < 10 ? rate.toFixed(1) : Math.round(rate)} a minute`);
  if (tallied.elsewhere) parts.push(`${count(tallied.elsewhere)} elsewhere`);
  byId('progress-text').textContent = parts.join(' \u00b7 ');
  byId('progress-box').title = `${count(tallied.confirm)} confirmed, ${count(tallied.keep)} kept, ${count(tallied.other)} other, ${count(tallied.unusable)} unusable, ` +
    `${count(tallied.unsure)} not sure; ${count(tallied.elsewhere)} more on samples that are not in this order`;
  const fresh = freshHere();
  byId('unexported').textContent = fresh ? `${count(fresh)} not ${isServed ? 'saved' : 'exported'}` : '';
  byId('export').classList.toggle('main', fresh > 0);
  const trouble = disk.trouble || (decisions.stored || isServed ? ''
    : 'This browser does not store anything for this page: export before you close or reload it.');
  byId('storage-note').hidden = trouble === '';
  byId('storage-note').textContent = trouble;
}

const BUTTONS = [
  ['confirm', 'KeyC', 'Confirm'], ['keep', 'KeyK', 'Keep'], ['other', 'KeyO', 'Other class'],
  ['unsure', 'KeyS', 'Not sure'], ['unusable', 'KeyX', 'Unusable'], ['undo', 'KeyU', 'Undo'],
];

function makeActions() {
  byId('actions').append(...BUTTONS.map(([action, code, text]) => element('button', {
    type: 'button', id: action === 'undo' ? 'undo' : null, 'data-action': action, on: { click: () => (action === 'undo' ? undo() : ACT[action]()) },
  }, element('span', { class: 'what', text }), keyCap(code))));
  const grids = [['previous', 'Previous screen', 'KeyP', () => turnPage(-1)], ['all', 'Select all', 'KeyA', () => selectAll()], ['next', 'Next screen', 'KeyN', () => turnPage(1)]];
  byId('actions').append(...grids.map(([name, text, code, act]) => element('button', { type: 'button', class: 'of-grid', id: `grid-${name}`, on: { click: act } },
    element('span', { class: 'what', text }), keyCap(code))));
}

// The buttons say what they would do to the sample at hand, or to all that are selected.
function showActions() {
  const list = byId('decide').hidden ? [] : targets();
  const i = list.length === 1 ? list[0] : -1;
  const many = list.length > 1 ? ` ${count(list.length)}` : '';
  const named = i >= 0 && state.view === 'one';
  const texts = {
    confirm: named && differs(i) ? `Confirm ${briefName(samples.suggested[i], 32)}` : `Confirm${many}`,
    keep: named ? `Keep ${briefName(samples.given[i], 32)}` : `Keep${many}`,
  };
  for (const made of byId('actions').querySelectorAll('[data-action]')) {
    const { action } = made.dataset;
    if (texts[action]) made.querySelector('.what').textContent = texts[action];
    if (action === 'undo') made.disabled = !decisions.steps.some((step) => step.some(([index]) => place.has(index)));
    else made.disabled = !list.length || (action === 'confirm' && !list.some(differs));
    if (action !== 'undo') made.setAttribute('aria-pressed', String(i >= 0 && actionOf(i) === action));
  }
}

function switchView(view = state.view === 'one' ? 'grid' : 'one') {
  if (state.view === view) return;
  closeOther({ focus: false });
  if (view === 'grid' && state.at >= state.list.length) state.at = Math.max(0, state.list.length - 1);
  state.view = view;
  remember(':view', view);
  select.clear();
  one.shown = -2;
  say(view === 'grid' ? 'The grid: select by click, shift and drag; a key decides on all that are selected.' : 'One sample at a time.');
  refresh();
  focusSamples();
}

function makeSwitches() {
  for (const [way, text] of Object.entries(WAY_NAMES)) {
    if (way === 'teaching' && !WAYS.teaching.length) continue;
    const [first, ...rest] = text.split(' ');
    byId('ways').append(element('button', { type: 'button', 'data-way': way, on: { click: () => { setWay(way); select.clear(); refresh(); focusSamples(); } } },
    first, element('span', { class: 'whole', text: ` ${rest.join(' ')}` })));
  }
  for (const [view, text] of [['one', 'One'], ['grid', 'Grid']]) {
    byId('views').append(element('button', { type: 'button', 'data-view': view, on: { click: () => switchView(view) } }, text, ' ', view === 'grid' ? keyCap('KeyG') : null));
  }
}

// On paper: the overview, and what was decided.
const MOST_PRINTED = 500;

function showPrinted() {
  showOverview();
  const decided = [...samples.index.keys()].filter((i) => !isOpen(i));
  const more = decided.length > MOST_PRINTED ? ` (the first ${count(MOST_PRINTED)} are shown)` : '';
  byId('printed').hidden = false;
  byId('printed').replaceChildren(element('h2', { text: `${plural(decided.length, 'sample')} decided${more}` }),
    ...decided.slice(0, MOST_PRINTED).map((i) => element('div', { class: 'printed-row' }, pictureAt.has(i) ? thumbOf(i) : null,
      element('span', { text: `${short(nameOfSample(i))}: ${className(samples.given[i])} \u2192 ${labelName(decisionOf(i))}` }))));
}

function listen() {
  byId('export').addEventListener('click', askPeople);
  window.addEventListener('beforeunload', warnBeforeLeaving);
  byId('help-open').addEventListener('click', () => byId('help').showModal());
  byId('help-close').addEventListener('click', () => byId('help').close());
  byId('filters-open').addEventListener('click', openFilters);
  byId('filters').addEventListener('close', focusSamples);
  byId('other-close').addEventListener('click', () => closeOther());
  byId('other-search').addEventListener('input', listClasses);
  byId('other').addEventListener('keydown', moveInList);
  for (const [event, listener] of [['pointerdown', beginDrag], ['pointermove', goOnDragging], ['pointerup', endDrag], ['pointercancel', endDrag]]) byId('grid').addEventListener(event, listener);
  byId('grid').addEventListener('dblclick', (event) => {
    const tile = tileUnder(event);
    if (!tile) return;
    state.at = placeInList(Number(tile.dataset.i));
    switchView('one');
  });
  listenOnStage();
  document.addEventListener('keydown', onKey);
  window.addEventListener('beforeprint', showPrinted);
  window.addEventListener('hashchange', showPart);
  window.addEventListener('resize', () => {
    grid.measured = false;
    one.shown = -2; // what fits is another
    refresh();
  });
  window.addEventListener('storage', (event) => { // another page decides: marks change, nothing moves
    if (event.key !== STORE && event.key !== null) return;
    takeOver();
    refresh();
  });
}

function start() {
  loadDecisions();
  if (remembered(':way') === 'teaching' && WAYS.teaching.length) state.way = 'teaching';
  if (remembered(':view') === 'grid') state.view = 'grid';
  one.squares = remembered(':squares') === 'true';
  byId('grid').classList.toggle('squares', one.squares);
  showTitle();
  makeSwitches();
  makeActions();
  makeFilters();
  byId('help-rows').replaceChildren(...KEYS.map(([code, , what]) => element('tr', {}, element('td', {}, keyCap(code)), element('td', { text: what }))));
  listen();
  relist(); // after a reload, where the work goes on
  showPart();
  readDisk();
}

start();
