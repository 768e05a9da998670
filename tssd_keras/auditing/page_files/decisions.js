// Decisions. The browser stores them under the hash of the labels: they survive a reload, and
// another page about the same labels shares them.
const samples = data.samples;
const SKIPPED = -1;
const STORE = `tssd-audit:${data.sha}`;
const MOST_UNDONE = 2000;

const place = new Map(samples.index.map((index, i) => [index, i]));
const decisions = { of: new Map(), history: [], stored: true };

// A class, or SKIPPED; anything else in the storage is passed over.
const isDecision = (label) => Number.isInteger(label) && label >= SKIPPED && label < data.classes.length;

function loadDecisions() {
  decisions.of.clear();
  decisions.history = [];
  try {
    const stored = JSON.parse(localStorage.getItem(STORE) || '{}');
    for (const [index, label] of stored.decided || []) {
      if (Number.isInteger(index) && isDecision(label)) decisions.of.set(index, label);
    }
    for (const [index, before] of stored.history || []) {
      if (Number.isInteger(index)) decisions.history.push([index, isDecision(before) ? before : null]);
    }
  } catch (error) {
    decisions.stored = false;
  }
}

function storeDecisions() {
  try {
    localStorage.setItem(STORE, JSON.stringify({ decided: [...decisions.of], history: decisions.history }));
    decisions.stored = true;
  } catch (error) {
    decisions.stored = false;
  }
}

// The order that was last worked in; a reload goes on in it.
function storedOrder() {
  try {
    return localStorage.getItem(`${STORE}:order`);
  } catch (error) {
    return null;
  }
}

function storeOrder(order) {
  try {
    localStorage.setItem(`${STORE}:order`, order);
  } catch (error) {
    decisions.stored = false;
  }
}

function decide(i, label) {
  const index = samples.index[i];
  decisions.history.push([index, decisions.of.has(index) ? decisions.of.get(index) : null]);
  decisions.history = decisions.history.slice(-MOST_UNDONE);
  decisions.of.set(index, label);
  storeDecisions();
}

// Take the last decision back. Gives the place of its sample, or null if this page has none.
function undoDecision() {
  while (decisions.history.length) {
    const [index, before] = decisions.history.pop();
    if (!place.has(index)) continue;
    if (before !== null) decisions.of.set(index, before);
    else decisions.of.delete(index);
    storeDecisions();
    return place.get(index);
  }
  return null;
}

// The decided class, or SKIPPED; undefined where nothing was decided.
const decisionOf = (i) => decisions.of.get(samples.index[i]);

// keep, confirm, other or skip; null where nothing was decided.
function actionOf(i) {
  const label = decisionOf(i);
  if (label === undefined) return null;
  if (label === SKIPPED) return 'skip';
  if (label === samples.given[i]) return 'keep';
  return label === samples.suggested[i] ? 'confirm' : 'other';
}

function tally(listed) {
  const counts = { keep: 0, confirm: 0, other: 0, skip: 0 };
  const among = new Set(listed);
  let here = 0;
  for (const index of decisions.of.keys()) {
    if (!among.has(place.get(index))) continue;
    here += 1;
    counts[actionOf(place.get(index))] += 1;
  }
  counts.elsewhere = decisions.of.size - here;
  return counts;
}

// What a spreadsheet would calculate gets an apostrophe before it, as tssd_keras/data/columns.py has it.
const CALCULATED = /^'*(?:[\t\r\n]|[ \t\r\n\0\u00a0]*[=+\-@\uff1d\uff0b\uff0d\uff20])/;
const NUMBER = /^-?[0-9]+(?:\.[0-9]+)?(?:e[+-]?[0-9]+)?$/;

function quoted(text) {
  const value = String(text);
  const inert = CALCULATED.test(value) && !NUMBER.test(value) ? `'${value}` : value;
  return `"${inert.replaceAll('"', '""')}"`;
}

// Fields follow RFC 4180. Names are written as they are, even if they begin like a formula.
function decisionsAsCsv() {
  const lines = ['id,index,given,decided,action,stratum,labels_sha256'];
  samples.index.forEach((index, i) => {
    const action = actionOf(i);
    if (!action || action === 'skip') return;
    const stratum = data.strata[samples.stratum[i]].name;
    const id = samples.id === null ? '' : samples.id[i];
    lines.push([quoted(id), index, quoted(data.classes[samples.given[i]]), quoted(data.classes[decisionOf(i)]),
      action, quoted(stratum), data.sha].join(','));
  });
  return lines.join('\r\n') + '\r\n';
}

function exportDecisions() {
  const url = URL.createObjectURL(new Blob([decisionsAsCsv()], { type: 'text/csv;charset=utf-8' }));
  const link = element('a', { href: url, download: 'decisions.csv', hidden: true });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(url), 10000);
}
