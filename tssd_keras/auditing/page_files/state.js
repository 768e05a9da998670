// The one state: the list in its way, order and filter, and the current sample. Both views show it.
// The list is made when a filter changes, and stays while one decides: nothing moves under a hand.
const state = { way: 'surest', sort: 'own', filters: {}, list: [], at: 0, view: 'one' };
const ALL = 'all';

// To find wrong labels: suspects by rank, then kept samples that were drawn. To teach: what was drawn for it.
const WAYS = {
  surest: [...samples.index.keys()].slice(0, data.listed),
  teaching: data.teaching,
};
const WAY_NAMES = { surest: 'Find wrong labels', teaching: data.trained ? 'Teach the next run' : 'Teach a next model' };
const ordered = () => WAYS[state.way];
const IN_WAY = { surest: new Set(WAYS.surest), teaching: new Set(WAYS.teaching) };
const current = () => (state.at < state.list.length ? state.list[state.at] : -1);
const pairKey = (i) => samples.given[i] * data.classes.length + samples.suggested[i];
const differs = (i) => samples.suggested[i] >= 0 && samples.suggested[i] !== samples.given[i];

const FILTERS = {
  class: (i, value) => samples.given[i] === Number(value) || samples.suggested[i] === Number(value),
  pair: (i, value) => pairKey(i) === Number(value),
  role: (i, value) => samples.role[i] === value,
  stratum: (i, value) => samples.stratum[i] === Number(value),
  picture: (i) => pictureAt.has(i),
  state: (i, value) => (value === 'decided' ? !isOpen(i) : value === 'open' ? isOpen(i)
    : value === 'conflict' ? conflicts.has(samples.index[i]) : actionOf(i) === value),
  sure: (i, value) => samples.p_suggested[i] !== null && samples.p_suggested[i] >= 10 * Number(value),
  search: (i, value) => nameOfSample(i).toLowerCase().includes(value) || String(samples.index[i]) === value
    || [samples.given[i], samples.suggested[i]].some((c) => c >= 0 && data.classes[c].toLowerCase().includes(value)),
};

const column = (name, sign) => (i) => (samples[name][i] === null ? Infinity : sign * samples[name][i]);
// Name -> what it says, and the number that rises.
const SORTS = {
  own: ['as the way has it', null],
  p_wrong: ['probably wrong, most first', column('p_wrong', -1)],
  right: ['probably wrong, least first', column('p_wrong', 1)],
  sure: ['suggestion, surest first', column('p_suggested', -1)],
  unsure: ['suggestion, least sure first', column('p_suggested', 1)],
  loss: ['loss stream, most doubtful first', column('p_loss', 1)],
  feature: ['feature stream, most doubtful first', column('p_feature', 1)],
  weight: ['weight, least first', column('weight', 1)],
  pair: ['given and suggested class', (i) => pairKey(i)],
  index: ['place in the data', (i) => samples.index[i]],
};

const placeInList = (i) => state.list.indexOf(i);
const activeFilters = () => Object.entries(state.filters).filter(([, value]) => value !== ALL && value !== '');

// Make the list anew; the current sample stays if it is still in it.
function relist({ keep = -1 } = {}) {
  const wanted = activeFilters();
  const list = ordered().filter((i) => wanted.every(([name, value]) => FILTERS[name](i, value)));
  const [, by] = SORTS[state.sort];
  state.list = by === null ? list : list.map((i) => [by(i), i]).sort((a, b) => (a[0] < b[0] ? -1 : a[0] > b[0] ? 1 : 0)).map(([, i]) => i);
  const at = state.list.indexOf(keep);
  state.at = at >= 0 ? at : firstOpen(0, wanted.length ? 0 : state.list.length); // all are decided: the end
}

// The place of the first undecided sample at a place of the list or behind it; else `none`.
function firstOpen(from, none) {
  const at = state.list.findIndex((i, where) => where >= from && isOpen(i));
  return at < 0 ? none : at;
}

function setWay(way) {
  state.way = way;
  remember(':way', way);
  relist();
}

// The next undecided ones behind the current one, to be loaded before they are looked at.
function comingUp(n) {
  const next = [];
  for (let at = state.at + 1; at < state.list.length && next.length < n; at += 1) {
    if (isOpen(state.list[at])) next.push(state.list[at]);
  }
  return next;
}

// How many a minute, by the last minutes in which somebody decided.
const pace = { times: [] };
const LOOKED_BACK = 5 * 60 * 1000;

function noteDecisions(n) {
  const now = Date.now();
  for (let i = 0; i < n; i += 1) pace.times.push(now);
  pace.times = pace.times.filter((time) => now - time < LOOKED_BACK).slice(-1000);
}

// Decisions a minute; null before there are some to go by.
function aMinute() {
  if (pace.times.length < 5) return null;
  const minutes = (pace.times.at(-1) - pace.times[0]) / 60000;
  return minutes > 0.05 ? (pace.times.length - 1) / minutes : null;
}
