// More than one person, more than one day: who decides, export, import, and where two differ.
const conflicts = new Map(); // index -> [label, by] of the file that was read
const conflictLine = () => null;
const who = () => (remembered(':who') || '').trim();

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
  const rows = ['id,index,given,decided,action,stratum,labels_sha256'];
  samples.index.forEach((index, i) => {
    const action = actionOf(i);
    if (!action || action === 'unsure' || action === 'unusable') return;
    const stratum = data.strata[samples.stratum[i]].name;
    const id = samples.id === null ? '' : samples.id[i];
    rows.push([quoted(id), index, quoted(data.classes[samples.given[i]]), quoted(data.classes[decisionOf(i)]),
      action, quoted(stratum), data.sha].join(','));
  });
  return rows.join('\r\n') + '\r\n';
}

function exportDecisions() {
  const url = URL.createObjectURL(new Blob([decisionsAsCsv()], { type: 'text/csv;charset=utf-8' }));
  const link = element('a', { href: url, download: 'decisions.csv', hidden: true });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(url), 10000);
  decisions.fresh.clear();
  storeDecisions();
  refresh();
}
