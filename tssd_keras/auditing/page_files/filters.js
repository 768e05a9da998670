// The form that chooses the list: filters, order, search. A choice leads back to the samples.
function counted(...keysOf) {
  const numbers = new Map();
  for (const i of ordered()) {
    for (const key of new Set(keysOf.map((keyOf) => keyOf(i)))) {
      if (key !== null && key >= 0) numbers.set(key, (numbers.get(key) || 0) + 1);
    }
  }
  return numbers;
}

function countedTexts(textOf) {
  const numbers = new Map();
  for (const i of ordered()) numbers.set(textOf(i), (numbers.get(textOf(i)) || 0) + 1);
  return [...numbers].sort();
}

const pairName = (key) => `${className(Math.floor(key / data.classes.length))} \u2192 ${className(key % data.classes.length)}`;

// Name of a filter -> its label, and its choices [value, text] as of now.
const CHOICES = {
  class: ['Class, given or suggested', () => [[ALL, 'all classes'], ...[...counted((i) => samples.given[i], (i) => samples.suggested[i])]
    .sort((a, b) => a[0] - b[0]).map(([c, n]) => [c, `${className(c)} (${count(n)})`])]],
  pair: ['Pair, given \u2192 suggested', () => [[ALL, 'all pairs'], ...[...counted((i) => (differs(i) ? pairKey(i) : null))]
    .sort((a, b) => b[1] - a[1]).slice(0, MOST_LISTED).map(([key, n]) => [key, `${pairName(key)} (${count(n)})`])]],
  state: ['Decisions', () => [[ALL, 'all'], ['open', 'not decided'], ['decided', 'decided'], ['confirm', 'suggestion confirmed'],
    ['keep', 'given label kept'], ['other', 'other class'], ['unusable', 'unusable'], ['unsure', 'not sure'],
    ...(conflicts.size ? [['conflict', `two people differ (${count(conflicts.size)})`]] : [])]],
  role: ['Role', () => [[ALL, 'all roles'], ...countedTexts((i) => samples.role[i]).map(([role, n]) => [role, `${role || 'none'} (${count(n)})`])]],
  stratum: ['Stratum', () => [[ALL, 'all strata'], ...[...counted((i) => samples.stratum[i])].sort((a, b) => a[0] - b[0])
    .map(([at, n]) => [at, `${data.strata[at].name} (${count(n)})`])]],
  picture: ['Pictures', () => [[ALL, 'all'], ['with', 'with a picture']]],
};

function field(name, label, control, says = null) {
  control.id = `filter-${name}`;
  return element('div', {}, element('label', { for: control.id }, label, says), control);
}

function makeFilters() {
  const parts = Object.entries(CHOICES).map(([name, [label]]) => field(name, label, element('select', { on: { change: () => choose(name) } })));
  const sort = element('select', { on: { change: () => choose('sort') } }, ...Object.entries(SORTS).map(([value, [text]]) => element('option', { value, text })));
  const says = element('output', { id: 'sure-says', for: 'filter-sure' });
  const sure = element('input', { type: 'range', min: 0, max: 100, step: 1, value: 0, on: { input: () => choose('sure', false) } });
  const search = element('input', { type: 'search', autocomplete: 'off', spellcheck: 'false', on: { input: () => choose('search', false) } });
  byId('filter-form').append(
    field('search', 'Search by id, number or class', search), field('sort', 'Sort by', sort), ...parts,
    field('sure', calibrated ? 'Suggestion, least probability: ' : 'Suggestion, least score: ', sure, says),
    element('p', { id: 'filter-says', role: 'status' }),
    element('p', { class: 'row' }, element('button', { type: 'button', id: 'filter-all', text: 'Show all samples', on: { click: () => { clearFilters(); relist(); refresh(); fillFilters(); } } }),
      element('button', { class: 'main', id: 'filters-close', text: 'To the samples' })));
}

function fillFilters() {
  for (const [name, [, choices]] of Object.entries(CHOICES)) {
    const made = byId(`filter-${name}`);
    const chosenNow = String(state.filters[name] ?? ALL);
    const options = choices();
    if (!options.some(([value]) => String(value) === chosenNow)) options.push([chosenNow, name === 'pair' ? pairName(Number(chosenNow)) : chosenNow]);
    made.replaceChildren(...options.map(([value, text]) => element('option', { value, text })));
    made.value = chosenNow;
  }
  byId('filter-sort').value = state.sort;
  byId('filter-sure').value = state.filters.sure ?? 0;
  byId('filter-search').value = state.filters.search ?? '';
  sayFilters();
}

function sayFilters() {
  const least = Number(state.filters.sure ?? 0);
  byId('sure-says').textContent = !least ? 'any' : calibrated ? `${least} %` : `${least} of 100`;
  byId('filter-says').textContent = `${plural(state.list.length, 'sample')} of ${count(ordered().length)}`;
}

// done: the choice is made, and keys go to the samples.
function choose(name, done = true) {
  const value = byId(`filter-${name}`).value;
  if (name === 'sort') state.sort = value;
  else if (name === 'sure') state.filters.sure = value === '0' ? ALL : value;
  else state.filters[name] = name === 'search' ? value.trim().toLowerCase() : value;
  relist();
  select.clear();
  refresh();
  sayFilters();
  if (done) {
    byId('filters').close();
    focusSamples();
  }
}

function clearFilters() {
  state.filters = {};
  state.sort = 'own';
}

function openFilters() {
  fillFilters();
  byId('filters').showModal();
}

// From a pair, a class or a cell of the overview to its samples, the least sure first.
function leadTo(filters) {
  const inWay = (way) => WAYS[way].some((i) => Object.entries(filters).every(([name, value]) => FILTERS[name](i, value)));
  if (!inWay(state.way) && inWay(state.way === 'surest' ? 'teaching' : 'surest')) state.way = state.way === 'surest' ? 'teaching' : 'surest';
  clearFilters();
  Object.assign(state.filters, filters);
  state.sort = 'unsure';
  relist();
  select.clear();
  location.hash = '#decide';
  showPart();
  refresh();
  focusSamples();
}
