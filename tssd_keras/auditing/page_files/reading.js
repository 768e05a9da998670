// Decisions from a file, by the rules of `relabel` (tssd_keras/labels/decisions, data/text_table.py):
// what a spreadsheet changed is taken, what does not fit is refused with its row.
const COLUMNS = ['id', 'index', 'given', 'decided', 'action', 'stratum', 'labels_sha256'];
const WHOLE = /^(-?[0-9]{1,18})(?:\.0*)?$/;
const BLANK = /^[\s\x1c-\x1f\x85]+|[\s\x1c-\x1f\x85]+$/g;
const stripped = (text) => text.replace(BLANK, '');

// A text as a spreadsheet or pandas leaves it: 007 as 7, 7.0 as 7, true in capitals; of texts that
// look the same it is the same.
function asProgramsWrite(text) {
  const whole = WHOLE.exec(text);
  if (whole) return String(BigInt(whole[1]));
  if (/^(true|false)$/i.test(text)) return text.toUpperCase();
  return stripped(text.normalize('NFC').replace(/\p{Cf}/gu, '').replace(/\p{Zs}/gu, ' '));
}

const isWritten = (cell, own) => cell === own || cell === own.toWellFormed() || asProgramsWrite(cell) === asProgramsWrite(own);

// The class of a name, as it is or as programs write it; -1 where none or two fit.
function classNamed(name) {
  const exact = data.classes.indexOf(name);
  if (exact >= 0) return exact;
  const fit = data.classes.flatMap((own, c) => (isWritten(name, own) ? [c] : []));
  return fit.length === 1 ? fit[0] : -1;
}

// Text of a file in UTF-8, or in UTF-16 as a spreadsheet's "Unicode text" is.
function decoded(bytes) {
  const [a, b] = new Uint8Array(bytes);
  const coding = (a === 0xff && b === 0xfe) || (a && b === 0) ? 'utf-16le' : (a === 0xfe && b === 0xff) || (a === 0 && b) ? 'utf-16be' : 'utf-8';
  return new TextDecoder(coding).decode(bytes);
}

// The delimiter that shows most of the columns in the header; a spreadsheet may have named it.
function delimiterOf(body, named) {
  const first = body.slice(body.search(/[^\r\n \t]|$/)).split(/[\r\n]/, 1)[0];
  const shows = (mark) => first.split(mark).filter((name) => COLUMNS.includes(stripped(name.replaceAll('"', '')))).length;
  return [...new Set([named, ',', ';', '\t'].filter(Boolean))].sort((a, b) => shows(b) - shows(a))[0];
}

// Cells of a CSV file, row by row: [line on which the row begins, cells].
function cellsOf(text) {
  let body = text.replace(/^\ufeff/, '');
  const told = /^\s*"?sep=(.)"?[,;\t]*[^\S\r\n]*(\r\n|\r|\n|$)/i.exec(body);
  let line = 1;
  if (told) {
    body = body.slice(told[0].length);
    line = 2;
  }
  const mark = delimiterOf(body, told?.[1]);
  const end = new RegExp(`[${mark.replace(/[\\\]^-]/g, '\\$&')}\r\n]|$`, 'g');
  const rows = [];
  let row = [];
  let begins = line;
  for (let at = 0; at < body.length;) {
    let cell = '';
    if (body[at] === '"') {
      for (at += 1; at < body.length; at += 1) {
        if (body[at] === '"' && body[at + 1] === '"') at += 1;
        else if (body[at] === '"') break;
        if (body[at] === '\n') line += 1;
        cell += body[at];
      }
      at += 1;
    } else {
      end.lastIndex = at;
      const until = end.exec(body).index;
      cell = body.slice(at, until);
      at = until;
    }
    row.push(unquoted(cell));
    if (body[at] === mark) {
      at += 1;
      if (at < body.length) continue;
      row.push('');
    } else at += body.startsWith('\r\n', at) ? 2 : 1;
    rows.push([begins, row]);
    line += 1;
    begins = line;
    row = [];
  }
  return rows.filter(([, cells]) => cells.some((cell) => stripped(cell) !== ''));
}

// What a row says: [index, label, who], or a fault in words.
function readRow(cell, name) {
  const index = WHOLE.test(cell('index')) ? Number(cell('index')) : -1;
  if (cell('labels_sha256') !== data.sha) return 'was decided on other labels';
  if (index < 0) return `has the index ${short(cell('index'))}, which is no number of a sample`;
  const action = cell('action');
  const label = classNamed(cell('decided'));
  if (place.has(index)) {
    const i = place.get(index);
    if (!isWritten(cell('id'), samples.id === null ? '' : samples.id[i])) return 'has another id';
    if (!isWritten(cell('given'), data.classes[samples.given[i]])) return 'has another given label';
    if (cell('stratum') !== '' && cell('stratum') !== data.strata[samples.stratum[i]].name) return 'has another stratum';
  }
  const who = cell('by') || name;
  if (action === 'unsure' || action === 'unusable') {
    return cell('decided') === '' ? [index, action === 'unsure' ? UNSURE : UNUSABLE, who] : `is ${action} and names a class`;
  }
  if (label < 0) return `names no class of these: ${short(cell('decided'))}`;
  if (!['confirm', 'keep', 'other'].includes(action)) return `has the action ${short(action)}, which there is not`;
  const isGiven = label === classNamed(cell('given'));
  if ((action === 'keep' && !isGiven) || (action === 'other' && isGiven)) return `has ${action} and decides on ${isGiven ? 'the given class' : 'another class'}`;
  return [index, label, who];
}

// What a file of decisions says beside what is decided here. Nothing is changed yet.
function readDecisions(text, name) {
  const [[, names = []] = [], ...rows] = cellsOf(text);
  const header = names.map(stripped);
  const found = { name, fresh: [], same: 0, differ: [], elsewhere: 0, faults: [] };
  const lacking = COLUMNS.filter((column) => !header.includes(column));
  const twice = COLUMNS.filter((column) => header.indexOf(column) !== header.lastIndexOf(column));
  if (lacking.length || twice.length) {
    return { ...found, faults: [lacking.length ? `it lacks the column ${lacking.join(', ')}` : `it has the column ${twice.join(', ')} twice`] };
  }
  const seen = new Map();
  for (const [line, whole] of rows) {
    const row = whole.slice(header.length).some((cell) => stripped(cell) !== '') ? whole : whole.slice(0, header.length);
    const read = row.length !== header.length ? `has ${plural(row.length, 'cell')}, the first has ${count(header.length)}`
      : readRow((column) => (header.includes(column) ? row[header.indexOf(column)] : ''), name);
    if (typeof read === 'string') {
      found.faults.push(`row ${line} ${read}`);
      continue;
    }
    const [index, label] = read;
    if (seen.has(index)) {
      if (seen.get(index) !== label) found.faults.push(`row ${line} decides otherwise on a sample that came before`);
      continue;
    }
    seen.set(index, label);
    if (!place.has(index)) found.elsewhere += 1;
    else if (!decisions.of.has(index)) found.fresh.push(read);
    else if (decisions.of.get(index) === label) found.same += 1;
    else found.differ.push(read);
  }
  return found;
}
