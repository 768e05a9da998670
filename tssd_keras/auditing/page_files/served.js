// Where `serve` shows the page decisions go to disk at once. There, or from a folder beside the page, pictures come whole.
const isServed = document.body.dataset.served === 'yes';
const hasOriginals = data.originals || (isServed && document.body.dataset.originals === 'yes');
const SAVE_AFTER = 300; // milliseconds without another decision
const disk = { due: null, saving: false, again: false, trouble: '' };

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
  try {
    const answer = await fetch('decisions.csv', { method: 'PUT', body: decisionsAsCsv(), headers: { 'Content-Type': 'text/csv' } });
    disk.trouble = answer.ok ? '' : `Not saved on disk: ${short(await answer.text(), 300)}`;
  } catch (error) {
    disk.trouble = `Not saved on disk: serve does not answer. Start it again with --port ${location.port} and open its new address (this browser keeps the decisions), or export.`;
  }
  disk.saving = false;
  if (disk.trouble === '') {
    for (const index of saved) decisions.fresh.delete(index);
    keepInBrowser();
  }
  showProgress();
  if (disk.again) {
    disk.again = false;
    saveNow();
  }
}

// What lies on disk is taken over; where this browser knows otherwise, a person decides.
async function readDisk() {
  if (!isServed) return;
  const answer = await fetch('decisions.csv').catch(() => null);
  if (answer === null || answer.status !== 200) return;
  const found = readDecisions(await answer.text(), '');
  for (const [index, label, by] of found.fresh) { // no step: nobody decides here
    put(index, label, by || undefined);
    decisions.fresh.delete(index);
  }
  keepInBrowser();
  if (found.faults.length || found.differ.length) showRead({ ...found, name: 'decisions.csv', fresh: [] });
  relist();
  refresh();
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
