// Decisions. The browser stores them under the hash of the labels: they survive a reload, and
// another page about the same labels shares them. A step is what one key or button did, to one
// sample or to many; undo takes a whole step back.
const samples = data.samples;
const UNSURE = -1; // looked at, and no decision
const UNUSABLE = -2; // not to be trained on
const STORE = `tssd-audit:${data.sha}`;
const MOST_UNDONE = 2000;

const place = new Map(samples.index.map((index, i) => [index, i]));
const conflicts = new Map(); // index -> [label, who], of a file that was read and differs
const decisions = { of: new Map(), by: new Map(), steps: [], fresh: new Set(), stored: true };

// A class, UNSURE or UNUSABLE; anything else in the storage is passed over.
const isDecision = (label) => Number.isInteger(label) && label >= UNUSABLE && label < data.classes.length;
// A change: [index, label before, label after, what else stood there: {by, differ}].
const isChange = (change) => Array.isArray(change) && Number.isInteger(change[0])
  && (change[1] === null || isDecision(change[1])) && (change[2] === null || isDecision(change[2]))
  && (change[3] === undefined || (typeof change[3] === 'object' && change[3] !== null));

function readStored() {
  try {
    const stored = JSON.parse(localStorage.getItem(STORE) || '{}');
    const list = (value) => (Array.isArray(value) ? value.filter((item) => item !== null) : []);
    const decided = list(stored.decided).filter(([index, label]) => Number.isInteger(index) && isDecision(label));
    return {
      of: new Map(decided.map(([index, label]) => [index, label])),
      by: new Map(decided.filter((row) => typeof row[2] === 'string').map((row) => [row[0], row[2]])),
      steps: list(stored.steps).filter((step) => Array.isArray(step) && step.length && step.every(isChange)),
      fresh: new Set(list(stored.fresh).filter(Number.isInteger)),
      differ: list(stored.differ).filter(([index, label, by]) => Number.isInteger(index) && isDecision(label) && typeof by === 'string'),
    };
  } catch (error) {
    decisions.stored = storageWorks();
    return { of: new Map(), by: new Map(), steps: [], fresh: new Set(), differ: [] };
  }
}

function storageWorks() {
  try {
    localStorage.setItem(`${STORE}:try`, '1');
    localStorage.removeItem(`${STORE}:try`);
    return true;
  } catch (error) {
    return false;
  }
}

function loadDecisions() {
  decisions.stored = storageWorks();
  const { differ, ...stored } = readStored();
  Object.assign(decisions, stored);
  for (const [index, label, by] of differ) conflicts.set(index, [label, by]);
}

// What another page about the same labels has decided since. The own steps stay.
function takeOver() {
  const { of, by, fresh } = readStored();
  Object.assign(decisions, { of, by, fresh });
}

function storeDecisions() {
  keepInBrowser();
  saveSoon();
}

function keepInBrowser() {
  const decided = [...decisions.of].map(([index, label]) => (decisions.by.has(index) ? [index, label, decisions.by.get(index)] : [index, label]));
  remember('', JSON.stringify({ decided, steps: decisions.steps, fresh: [...decisions.fresh],
    differ: [...conflicts].map(([index, [label, by]]) => [index, label, by]) }));
}

// A choice of the person that outlives a reload.
function remember(name, value) {
  try {
    localStorage.setItem(STORE + name, value);
    decisions.stored = true;
  } catch (error) {
    decisions.stored = false;
  }
}

function remembered(name) {
  try {
    return localStorage.getItem(STORE + name);
  } catch (error) {
    return null;
  }
}

// Changes: [index, label or null, name of who decided or undefined], made as one step. Where two
// people differed, that is settled by it. Gives those decisions that were overwritten by others:
// [index, label before].
function decideAll(changes) {
  const step = [];
  for (const [index, label, by] of changes) {
    const before = decisions.of.has(index) ? decisions.of.get(index) : null;
    const was = { by: decisions.by.get(index), differ: conflicts.get(index) };
    step.push(was.by || was.differ ? [index, before, label, was] : [index, before, label]);
    put(index, label, by);
    conflicts.delete(index);
  }
  if (!step.length) return [];
  decisions.steps.push(step);
  decisions.steps = decisions.steps.slice(-MOST_UNDONE);
  storeDecisions();
  return step.filter(([, before, after]) => before !== null && before !== after);
}

const isDifference = (differ) => Array.isArray(differ) && isDecision(differ[0]) && typeof differ[1] === 'string';

function put(index, label, by) {
  if (label === null) decisions.of.delete(index);
  else decisions.of.set(index, label);
  if (by === undefined || label === null) decisions.by.delete(index);
  else decisions.by.set(index, by);
  decisions.fresh.add(index);
}

// Take the last step back that was about samples of this page. A decision that somebody changed
// since stays. Gives the places of the samples and how many stay, or null.
function undoStep() {
  while (decisions.steps.length) {
    const step = decisions.steps.pop().filter(([index]) => place.has(index));
    if (!step.length) continue;
    const now = (index) => (decisions.of.has(index) ? decisions.of.get(index) : null);
    const own = step.filter(([index, , after]) => now(index) === after);
    for (const [index, before, , was = {}] of own) {
      put(index, before, typeof was.by === 'string' ? was.by : undefined);
      if (isDifference(was.differ)) conflicts.set(index, was.differ);
    }
    storeDecisions();
    return { places: own.map(([index]) => place.get(index)), stay: step.length - own.length };
  }
  return null;
}

// The decided class, UNSURE or UNUSABLE; undefined where nothing was decided.
const decisionOf = (i) => decisions.of.get(samples.index[i]);
const isOpen = (i) => !decisions.of.has(samples.index[i]);

// keep, confirm, other, unusable or unsure; null where nothing was decided.
function actionOf(i) {
  const label = decisionOf(i);
  if (label === undefined) return null;
  if (label === UNSURE) return 'unsure';
  if (label === UNUSABLE) return 'unusable';
  if (label === samples.given[i]) return 'keep';
  return label === samples.suggested[i] ? 'confirm' : 'other';
}

const DONE = { keep: 'kept', confirm: 'confirmed', other: 'other class', unusable: 'unusable', unsure: 'not sure' };
const labelName = (label) => (label === UNSURE ? 'not sure' : label === UNUSABLE ? 'unusable' : className(label));
const nameOfSample = (i) => (samples.id === null ? `sample ${samples.index[i]}` : samples.id[i]);

// Decisions by what they are, on samples that a set has and on others.
function tally(listed) {
  const counts = { keep: 0, confirm: 0, other: 0, unusable: 0, unsure: 0 };
  let here = 0;
  for (const index of decisions.of.keys()) {
    const i = place.get(index);
    if (i === undefined || !listed.has(i)) continue;
    here += 1;
    counts[actionOf(i)] += 1;
  }
  return { ...counts, here, elsewhere: decisions.of.size - here };
}
