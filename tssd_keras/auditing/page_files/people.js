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
  const read = element('input', { id: 'read', type: 'file', accept: '.csv,text/csv', on: { change: async () => { if (read.files.length) showRead(readDecisions(await read.files[0].text(), read.files[0].name)); } } });
  byId('people-body').replaceChildren(
    element('p', {}, element('label', { for: 'who', text: 'Who decides (it stands in the file and in its name)' }), name),
    element('p', {}, write),
    element('p', { class: 'quiet', text: `${plural(freshHere(), 'decision')} not exported yet. Decisions are in this browser only until then.` }),
    element('p', {}, element('label', { for: 'read', text: 'Read decisions of somebody else, or of another day' }), read),
    closeButton());
  byId('people').showModal();
}

const closeButton = (text = 'Close') => element('p', {}, element('button', { type: 'button', text, on: { click: () => byId('people').close() } }));

// Cells of a CSV file, row by row; separated by the one of comma, semicolon and tab that its header has.
function cellsOf(text) {
  const body = text.replace(/^\ufeff/, '');
  const header = body.slice(0, (body.search(/[\r\n]/) + 1 || body.length + 1) - 1);
  const [mark] = [',', ';', '\t'].sort((a, b) => header.split(b).length - header.split(a).length);
  const rows = [];
  let row = [];
  let at = 0;
  while (at < body.length) {
    let cell = '';
    if (body[at] === '"') {
      for (at += 1; at < body.length; at += 1) {
        if (body[at] === '"' && body[at + 1] === '"') at += 1;
        else if (body[at] === '"') break;
        cell += body[at];
      }
      at += 1;
    } else {
      const end = at + body.slice(at).search(new RegExp(`[${mark}\r\n]|$`));
      cell = body.slice(at, end);
      at = end;
    }
    row.push(unquoted(cell));
    if (body[at] === mark) {
      at += 1;
      if (at === body.length) row.push('');
    } else {
      at += body.startsWith('\r\n', at) ? 2 : 1;
      if (row.length > 1 || row[0] !== '') rows.push(row);
      row = [];
    }
  }
  if (row.length) rows.push(row);
  return rows;
}

// What a file of decisions says beside what is decided here. Nothing is changed yet.
function readDecisions(text, name) {
  const [header = [], ...rows] = cellsOf(text);
  const at = Object.fromEntries(['index', 'given', 'decided', 'action', 'labels_sha256', 'by'].map((column) => [column, header.indexOf(column)]));
  const found = { name, fresh: [], same: 0, differ: [], elsewhere: 0, faults: [] };
  const lacking = ['index', 'given', 'decided', 'action', 'labels_sha256'].filter((column) => at[column] < 0);
  if (lacking.length) return { ...found, faults: [`it lacks the column ${lacking.join(', ')}`] };
  rows.forEach((row, n) => {
    const cell = (column) => (at[column] < 0 ? '' : row[at[column]] ?? '');
    const index = Number(cell('index'));
    const label = { unsure: UNSURE, unusable: UNUSABLE }[cell('action')] ?? data.classes.indexOf(cell('decided'));
    const fault = (what) => found.faults.push(`row ${n + 2} ${what}`);
    if (cell('labels_sha256') !== data.sha) return fault('was decided on other labels');
    if (!place.has(index)) found.elsewhere += 1;
    else if (data.classes[samples.given[place.get(index)]] !== cell('given')) return fault('has another given label');
    else if (label < 0 && cell('decided') !== '') return fault(`names no class of these: ${short(cell('decided'))}`);
    else if (label === -1 && cell('action') !== 'unsure') return fault('names no class');
    else if (!decisions.of.has(index)) found.fresh.push([index, label, cell('by') || name]);
    else if (decisions.of.get(index) === label) found.same += 1;
    else found.differ.push([index, label, cell('by') || name]);
    return null;
  });
  return found;
}

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
    element('button', { type: 'button', id: 'conflicts-mine', text: 'Keep all of this page', on: { click: done(() => { conflicts.clear(); storeDecisions(); }) } })];
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
