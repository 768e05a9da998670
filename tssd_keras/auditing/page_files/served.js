// Where `serve` shows the page decisions go to disk at once. There, or from a folder beside the page, pictures come whole.
const isServed = document.body.dataset.served === 'yes';
const hasOriginals = data.originals || (isServed && document.body.dataset.originals === 'yes');
const SAVE_AFTER = 300; // milliseconds without another decision
const disk = { due: null, saving: false, again: false, trouble: '', tag: null }; // tag: of the file as it was read or written last

function saveSoon() {
  if (!isServed) return;
  clearTimeout(disk.due);
  disk.due = setTimeout(saveNow, SAVE_AFTER);
}

// One at a time, so that an older state never comes last.
async function saveNow() {
  if (disk.saving) {
    disk.again = true;
    return;
  }
  disk.saving = true;
  const saved = [...decisions.fresh];
  let isSaved = false;
  try {
    const answer = await fetch('decisions.csv', { method: 'PUT', body: decisionsAsCsv(),
      headers: { 'Content-Type': 'text/csv', ...(disk.tag === null ? {} : { 'If-Match': disk.tag }) } });
    isSaved = answer.ok;
    if (isSaved) disk.tag = answer.headers.get('ETag');
    disk.trouble = isSaved ? '' : answer.status === 412 ? await mergeDisk() : `Not saved on disk: ${short(await answer.text(), 300)}`;
    if (!isSaved && disk.trouble === '') disk.again = true; // with what another has decided
  } catch (error) {
    disk.trouble = `Not saved on disk: serve does not answer. Start it again with --port ${location.port} and open its new address (this browser keeps the decisions), or export.`;
  }
  disk.saving = false;
  if (isSaved) {
    for (const index of saved) decisions.fresh.delete(index);
    keepInBrowser();
  }
  showProgress();
  if (disk.again) {
    disk.again = false;
    saveNow();
  }
}

// The file's decisions beside those here, and its tag; null where there are none.
async function fetchDisk() {
  const answer = await fetch('decisions.csv').catch(() => null);
  if (answer === null || !answer.ok) return null;
  const tag = answer.headers.get('ETag');
  return { tag, found: readDecisions(answer.status === 200 ? await answer.text() : COLUMNS.join(), '') };
}

// No step: nobody decides here. What was changed here and is not saved yet stays.
function takeFromDisk(rows) {
  for (const [index, label, by] of rows) {
    if (decisions.fresh.has(index)) continue;
    put(index, label, by || undefined);
    decisions.fresh.delete(index);
  }
  keepInBrowser();
}

// Another browser has saved since: its decisions are taken over, and where both decided, a person
// does. Gives what stands against it, in words.
async function mergeDisk() {
  const read = await fetchDisk();
  if (read === null) return 'Not saved on disk: decisions.csv was changed, and cannot be read.';
  const { tag, found } = read;
  if (found.faults.length) return `Not saved on disk: decisions.csv was changed there and does not fit this page: ${found.faults[0]}. Move it away, or export.`;
  disk.tag = tag;
  const both = found.differ.filter(([index]) => decisions.fresh.has(index));
  takeFromDisk([...found.fresh, ...found.differ]);
  if (both.length) showDifferences({ ...found, fresh: [], differ: both });
  refresh();
  return '';
}

// What lies on disk is taken over; where this browser knows otherwise, a person decides.
async function readDisk() {
  if (!isServed) return;
  const read = await fetchDisk();
  if (read === null) return;
  disk.tag = read.tag;
  takeFromDisk(read.found.fresh);
  if (read.found.faults.length || read.found.differ.length) showDifferences({ ...read.found, fresh: [] });
  relist();
  refresh();
}

function showDifferences(found) {
  if (document.querySelector('dialog[open]')) for (const [index, label, by] of found.differ) conflicts.set(index, [label, by]);
  else {
    showRead({ ...found, name: 'decisions.csv' });
    byId('people').showModal();
  }
}

// A sample's own file, upright and whole; its small picture, or words, where that fails.
function originalOf(i) {
  const image = element('img', { class: 'picture', src: `originals/${samples.index[i]}.jpg`, alt: cut(nameOfSample(i), 80), draggable: 'false' });
  image.addEventListener('error', () => {
    const instead = pictureAt.has(i) ? pictureOf(i) : element('p', { class: 'picture none quiet', text: 'Its file cannot be shown.' });
    if (ready.get(i) === image) ready.set(i, instead); // it may fail before its turn
    image.replaceWith(instead);
  });
  return image;
}
