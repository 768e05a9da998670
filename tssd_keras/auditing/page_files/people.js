// More than one person, more than one day: who decides, export, import, and where two differ.
const who = () => (remembered(':who') || '').trim();
const freshHere = () => [...decisions.fresh].filter((index) => place.has(index)).length;

// What a spreadsheet would calculate gets an apostrophe before it, as tssd_keras/data/columns.py has it.
const CALCULATED = /^'*(?:[\t\r\n]|[ \t\r\n\0\u00a0]*[=+\-@\uff1d\uff0b\uff0d\uff20])/;
const NUMBER = /^-?[0-9]+(?:\.[0-9]+)?(?:e[+-]?[0-9]+)?$/;
const isCalculated = (text) => CALCULATED.test(text) && !NUMBER.test(text);
const unquoted = (cell) => (cell.startsWith("'") && isCalculated(cell.slice(1)) ? cell.slice(1) : cell);

function quoted(text) {
  const value = String(text);
  return `"${(isCalculated(value) ? `'${value}` : value).replaceAll('"', '""')}"`;
}

// Fields follow RFC 4180. Names are written as they are, even if they begin like a formula.
function decisionsAsCsv() {
  const rows = ['id,index,given,decided,action,stratum,labels_sha256,by'];
  samples.index.forEach((index, i) => {
    const action = actionOf(i);
    if (action === null) return;
    const label = decisionOf(i);
    rows.push([quoted(samples.id === null ? '' : samples.id[i]), index, quoted(data.classes[samples.given[i]]),
      quoted(label >= 0 ? data.classes[label] : ''), action, quoted(data.strata[samples.stratum[i]].name), data.sha,
      quoted(decisions.by.get(index) || who())].join(','));
  });
  return rows.join('\r\n') + '\r\n';
}

// Named after the run and the person.
function exportName() {
  const plain = (text) => text.normalize('NFKD').replace(/\p{M}/gu, '').replace(/[^A-Za-z0-9._-]+/g, '_').replace(/^[._]+|_+$/g, '').slice(0, 60);
  return `${['decisions', plain(data.run), plain(who())].filter((part) => part !== '').join('-')}.csv`;
}

function exportDecisions() {
  const url = URL.createObjectURL(new Blob([decisionsAsCsv()], { type: 'text/csv;charset=utf-8' }));
  const link = element('a', { href: url, download: exportName(), hidden: true });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(url), 10000);
  decisions.fresh.clear();
  storeDecisions();
  byId('people').close();
  say(`${exportName()} is written.`);
  refresh();
}

function askPeople() {
  byId('people-title').textContent = 'Decisions';
  const name = element('input', { id: 'who', type: 'text', autocomplete: 'name', value: who(), maxlength: 60, on: { input: () => { remember(':who', name.value.trim()); file.textContent = exportName(); } } });
  const file = element('span', { class: 'file', text: exportName() });
  const write = element('button', { type: 'button', id: 'write', class: 'main', on: { click: exportDecisions } }, 'Export as ', file);
  write.disabled = !samples.index.some((index) => decisions.of.has(index));
  const read = element('input', { id: 'read', type: 'file', accept: '.csv,text/csv', on: { change: async () => { if (read.files.length) showRead(readDecisions(decoded(await read.files[0].arrayBuffer()), read.files[0].name)); } } });
  byId('people-body').replaceChildren(...[
    element('p', {}, element('label', { for: 'who', text: 'Who decides (it stands in the file and in its name)' }), name),
    element('p', {}, write),
    element('p', { class: 'quiet', text: `${plural(freshHere(), 'decision')} not exported yet. Decisions are in this browser only until then.` }),
    data.back ? element('p', { class: 'quiet' }, 'The file goes back into the labels by ', element('code', { text: data.back })) : null,
    element('p', {}, element('label', { for: 'read', text: 'Read decisions of somebody else, or of another day' }), read),
    closeButton()].filter((part) => part !== null));
  byId('people').showModal();
}

const closeButton = (text = 'Close') => element('p', {}, element('button', { type: 'button', text, on: { click: () => byId('people').close() } }));

// What is new is taken over as one step. Where two differ, a person decides.
function showRead(found) {
  byId('people-title').textContent = found.faults.length ? 'Nothing was read' : 'Decisions were read';
  if (found.faults.length) {
    byId('people-body').replaceChildren(
      element('p', { text: `${short(found.name)} does not fit this page: ${plural(found.faults.length, 'fault')}.` }),
      element('ul', {}, ...found.faults.slice(0, 5).map((fault) => element('li', { text: fault }))),
      element('p', { class: 'quiet', text: 'Read a decisions.csv that a page of this run exported.' }), closeButton());
    return;
  }
  decideAll(found.fresh);
  conflicts.clear();
  for (const [index, label, by] of found.differ) conflicts.set(index, [label, by]);
  storeDecisions();
  const done = (act) => () => { act(); byId('people').close(); refresh(); };
  const buttons = !conflicts.size ? [] : [
    element('button', { type: 'button', class: 'main', id: 'conflicts-look', text: 'Look at each', on: { click: done(() => leadTo({ state: 'conflict' })) } }),
    element('button', { type: 'button', id: 'conflicts-theirs', text: 'Take all of the file', on: { click: done(() => { decideAll(found.differ); conflicts.clear(); storeDecisions(); }) } }),
    element('button', { type: 'button', id: 'conflicts-mine', text: 'Keep all of this page', on: { click: done(() => { decideAll(found.differ.map(([index]) => [index, decisions.of.get(index), decisions.by.get(index)])); conflicts.clear(); storeDecisions(); }) } })];
  const elsewhere = found.elsewhere ? ` ${plural(found.elsewhere, 'decision is', 'decisions are')} about samples that are not on this page, and not read: give both files to relabel.` : '';
  byId('people-body').replaceChildren(
    element('p', { id: 'read-says', text: `${count(found.fresh.length)} new, ${count(found.same)} the same, ${count(found.differ.length)} differ.${elsewhere}` }),
    element('p', { class: 'row' }, ...buttons), closeButton(conflicts.size ? 'Later' : 'Close'));
  refresh();
}

// Two people's decisions on the sample at hand.
function conflictLine(i) {
  const other = conflicts.get(samples.index[i]);
  if (!other) return null;
  const [label, by] = other;
  const settle = (taken) => () => decideOn([i], () => taken);
  return element('p', { class: 'conflict' }, `Here: ${labelName(decisionOf(i) ?? UNSURE)}. ${short(by, 30)}: ${labelName(label)}. `,
    element('button', { type: 'button', text: `Take ${labelName(label)}`, on: { click: settle(label) } }), ' ',
    isOpen(i) ? null : element('button', { type: 'button', text: `Leave ${labelName(decisionOf(i))}`, on: { click: settle(decisionOf(i)) } }));
}

function warnBeforeLeaving(event) {
  if (freshHere()) event.preventDefault();
}
