// The second part: samples page by page, filters, and what follows a decision.
const view = { list: [], page: 0, size: 24, current: -1 };
const ALL = 'all';
const SIZES = [12, 24, 48, 96];
const MOST_LISTED = 500;

// To find wrong labels: suspects by rank, then kept samples that were drawn. To teach: what was drawn for it.
const ORDERS = {
  surest: [...samples.index.keys()].slice(0, data.listed),
  teaching: data.teaching,
};
const ordered = () => ORDERS[byId('filter-order').value];
const pairKey = (i) => samples.given[i] * data.classes.length + samples.suggested[i];
const differs = (i) => samples.suggested[i] >= 0 && samples.suggested[i] !== samples.given[i];

const FILTERS = {
  class: (i, value) => samples.given[i] === Number(value) || samples.suggested[i] === Number(value),
  pair: (i, value) => differs(i) && pairKey(i) === Number(value),
  role: (i, value) => samples.role[i] === value,
  stratum: (i, value) => samples.stratum[i] === Number(value),
  picture: (i) => pictureAt.has(i),
  state: (i, value) => (value === 'decided' ? ![null, 'skip'].includes(actionOf(i))
    : value === 'open' ? actionOf(i) === null : actionOf(i) === value),
};

// Samples by key. A sample with two different keys counts under both.
function counted(keyOf, secondOf = null) {
  const numbers = new Map();
  const add = (key) => numbers.set(key, (numbers.get(key) || 0) + 1);
  for (const i of ordered()) {
    const key = keyOf(i);
    if (key !== null) add(key);
    if (secondOf && secondOf(i) !== key) add(secondOf(i));
  }
  return numbers;
}

function select(name, label, change) {
  const made = element('select', { id: `filter-${name}`, on: { change } });
  byId('filters').append(element('div', {}, element('label', { for: made.id, text: label }), made));
  return made;
}

// Keeps what is chosen, if it is still there.
function offer(name, options) {
  const made = byId(`filter-${name}`);
  const chosen = made.value;
  made.replaceChildren(...options.map(([value, text]) => element('option', { value, text })));
  made.value = options.some(([value]) => String(value) === chosen) ? chosen : String(options[0][0]);
}

// The choices of each filter, and how many samples of this order each leaves.
function fillFilters() {
  const classes = [...counted((i) => samples.given[i], (i) => samples.suggested[i])].filter(([c]) => c >= 0).sort((a, b) => a[0] - b[0]);
  offer('class', [[ALL, 'all classes'], ...classes.map(([c, n]) => [c, `${className(c)} (${count(n)})`])]);
  const pairs = [...counted((i) => (differs(i) ? pairKey(i) : null))].sort((a, b) => b[1] - a[1]).slice(0, MOST_LISTED);
  offer('pair', [[ALL, 'all pairs'], ...pairs.map(([key, n]) => {
    const given = Math.floor(key / data.classes.length);
    const suggested = key % data.classes.length;
    return [key, `${className(given)} \u2192 ${className(suggested)} (${count(n)})`];
  })]);
  const roles = [...counted((i) => samples.role[i])].sort();
  offer('role', [[ALL, 'all roles'], ...roles.map(([role, n]) => [role, `${role} (${count(n)})`])]);
  const strata = [...counted((i) => samples.stratum[i])].sort((a, b) => a[0] - b[0]);
  offer('stratum', [[ALL, 'all strata'], ...strata.map(([at, n]) => [at, `${data.strata[at].name} (${count(n)})`])]);
  const pictured = counted((i) => (pictureAt.has(i) ? 'with' : null)).get('with') || 0;
  offer('picture', [[ALL, 'all'], ['with', `with (${count(pictured)})`]]);
}

function makeFilters() {
  const order = select('order', 'Order', () => {
    storeOrder(order.value);
    changeOrder();
    toOpen(0, { focus: false });
  });
  order.parentElement.className = 'roomy';
  offer('order', [['surest', 'find wrong labels'], ['teaching', 'teach the next run']].filter(([name]) => name === 'surest' || ORDERS[name].length));
  if (storedOrder() === 'teaching' && ORDERS.teaching.length) order.value = 'teaching';
  const labels = { class: 'Class (either)', pair: 'Pair (given, suggested)', role: 'Role', stratum: 'Stratum', state: 'Decisions', picture: 'Pictures', size: 'On a page' };
  for (const [name, label] of Object.entries(labels)) select(name, label, () => refilter());
  offer('state', [[ALL, 'all'], ['open', 'not decided'], ['decided', 'decided'], ['confirm', 'suggestion confirmed'],
    ['keep', 'given label kept'], ['other', 'other class'], ['skip', 'skipped']]);
  offer('size', SIZES.map((n) => [n, String(n)]));
  byId('filter-size').value = String(view.size);
  byId('filters').append(element('button', { type: 'reset', text: 'Show all' }));
  byId('filters').addEventListener('reset', (event) => {
    event.preventDefault();
    for (const name of Object.keys(FILTERS)) byId(`filter-${name}`).value = ALL;
    refilter();
  });
  byId('filters').addEventListener('submit', (event) => event.preventDefault());
}

// Choices, texts and list of the order that is chosen.
function changeOrder() {
  fillFilters();
  const teaching = byId('filter-order').value === 'teaching';
  byId('suspects-title').textContent = teaching ? 'Samples that teach the next run' : 'Suspects';
  byId('about-suspects').textContent = `${teaching ? aboutTeaching() : aboutSuspects()} Decisions stay in this browser until you export them.`;
  refilter();
  showProgress();
}

function aboutTeaching() {
  return `${count(data.teaching.length)} of the ${count(data.overview.totals.judged)} judged samples, kept ones too, in an order drawn at random: ` +
    'the more uncertain a label the more often, and as many of each suggested class. Decide from the first on, and stop where you like.';
}

function aboutSuspects() {
  const all = data.overview.totals.suspects;
  const shown = samples.rank.slice(0, data.listed).filter((rank) => rank > 0).length;
  const kept = data.listed - shown;
  const which = all ? `${count(shown)} of ${count(all)} suspects, the surest first` : 'No label is suspected';
  const other = data.teaching.length ? ' To teach the next run with some hundred decisions, choose that order.' : '';
  return `${which}${kept ? `, and ${count(kept)} kept samples at random` : ''}.${other}`;
}

function refilter(page = 0) {
  const wanted = Object.keys(FILTERS).map((name) => [name, byId(`filter-${name}`).value]).filter(([, value]) => value !== ALL);
  view.size = Number(byId('filter-size').value);
  view.list = ordered().filter((i) => wanted.every(([name, value]) => FILTERS[name](i, value)));
  showPage(page);
}

const lastPage = () => Math.max(0, Math.ceil(view.list.length / view.size) - 1);
const onPage = () => view.list.slice(view.page * view.size, (view.page + 1) * view.size);

function showPage(page) {
  view.page = Math.min(Math.max(0, page), lastPage());
  const rows = onPage();
  byId('cards').replaceChildren(...(rows.length ? rows.map((i) => cardOf(i, ACT))
    : [element('p', { class: 'quiet empty', text: ordered().length ? 'No samples are like this.' : 'There is nothing to decide in this order.' })]));
  byId('pager-top').replaceChildren(...pager('top'));
  byId('pager-bottom').replaceChildren(...pager('bottom'));
  makeCurrent(rows.length ? rows[0] : -1, { focus: false });
}

function pager(where) {
  const go = (page, back) => {
    showPage(page);
    byId('suspects').scrollIntoView();
    (byId(`${back}-${where}`) || byId('suspects')).focus({ preventScroll: true });
  };
  const button = (id, text, page, off) => {
    const made = element('button', { type: 'button', id: `${id}-${where}`, text, on: { click: () => go(page, id) } });
    made.disabled = off;
    return made;
  };
  const first = view.list.length ? view.page * view.size + 1 : 0;
  const last = Math.min(view.list.length, (view.page + 1) * view.size);
  return [
    button('first', 'First', 0, view.page === 0),
    button('previous', 'Previous', view.page - 1, view.page === 0),
    element('span', { class: 'where', text: `${count(first)} to ${count(last)} of ${count(view.list.length)}` }),
    button('next', 'Next', view.page + 1, view.page >= lastPage()),
    button('last', 'Last', lastPage(), view.page >= lastPage()),
  ];
}

const cardAt = (i) => document.querySelector(`.card[data-i="${i}"]`);

function makeCurrent(i, { focus = true } = {}) {
  const before = cardAt(view.current);
  if (before) {
    before.tabIndex = -1;
    before.classList.remove('current');
  }
  view.current = i;
  const card = cardAt(i);
  if (!card) return;
  card.tabIndex = 0;
  card.classList.add('current');
  if (focus) {
    card.focus({ preventScroll: true });
    card.scrollIntoView({ block: 'nearest' });
  }
}

function showProgress() {
  const listed = ordered();
  const tallied = tally(listed);
  const done = tallied.confirm + tallied.keep + tallied.other;
  byId('progress').max = Math.max(1, listed.length);
  byId('progress').value = done;
  const parts = [`${count(done)} of ${count(listed.length)} decided`,
    `${count(tallied.confirm)} confirmed, ${count(tallied.keep)} kept, ${count(tallied.other)} other`];
  if (tallied.skip) parts.push(`${count(tallied.skip)} skipped`);
  if (tallied.elsewhere) parts.push(`${count(tallied.elsewhere)} more on samples that are not in this order`);
  byId('progress-text').textContent = parts.join('; ');
  byId('export').disabled = done === 0;
  byId('undo').disabled = !decisions.history.some(([index]) => place.has(index));
  byId('storage-note').hidden = decisions.stored;
  byId('storage-note').textContent = decisions.stored ? ''
    : 'This browser does not store anything for this page: export before you close or reload it.';
}

function settle(i, label) {
  decide(i, label);
  const card = cardAt(i);
  if (card) showState(card, i);
  showProgress();
  advance(i);
}

// To the next undecided sample, on a later page if need be.
function advance(i) {
  const rows = onPage();
  const later = rows.slice(rows.indexOf(i) + 1).find((j) => actionOf(j) === null);
  if (later !== undefined) return makeCurrent(later);
  if (byId('filter-state').value === ALL) return toOpen((view.page + 1) * view.size) || makeCurrent(i);
  refilter(view.page);
  const open = onPage().find((j) => actionOf(j) === null);
  return makeCurrent(open === undefined ? view.current : open);
}

// To the first undecided sample at a place of the list or behind it; false if there is none.
function toOpen(from, options = {}) {
  const at = view.list.findIndex((i, where) => where >= from && actionOf(i) === null);
  if (at < 0) return false;
  const page = Math.floor(at / view.size);
  if (page !== view.page) showPage(page);
  makeCurrent(view.list[at], options);
  return true;
}

const ACT = {
  confirm: (i) => {
    if (differs(i)) settle(i, samples.suggested[i]);
    else if (cardAt(i)) cardAt(i).querySelector('.state').textContent = 'No other class is suggested: keep, choose another, or skip.';
  },
  keep: (i) => settle(i, samples.given[i]),
  skip: (i) => settle(i, SKIPPED),
  other: (i) => askOther(i),
};

function undo() {
  const i = undoDecision();
  if (i === null) return;
  if (!ordered().includes(i)) { // decided in the other order
    byId('filter-order').value = byId('filter-order').value === 'teaching' ? 'surest' : 'teaching';
    changeOrder();
  }
  const at = view.list.indexOf(i);
  if (at < 0) refilter(view.page);
  else if (!onPage().includes(i)) showPage(Math.floor(at / view.size));
  const card = cardAt(i);
  if (card) {
    showState(card, i);
    makeCurrent(i);
  }
  showProgress();
}

function showPair(given, suggested) {
  byId('filter-order').value = 'surest';
  changeOrder();
  for (const name of Object.keys(FILTERS)) byId(`filter-${name}`).value = ALL;
  const pick = byId('filter-pair');
  const wanted = String(given * data.classes.length + suggested);
  pick.value = wanted;
  if (pick.value !== wanted) { // a rare pair, or one whose samples are not on this page
    pick.append(element('option', { value: wanted, text: `${className(given)} \u2192 ${className(suggested)}` }));
    pick.value = wanted;
  }
  refilter();
  byId('suspects').scrollIntoView();
  byId('suspects').focus({ preventScroll: true });
}
