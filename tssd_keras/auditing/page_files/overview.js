// The first part: the run as a whole.
function groundOfNoise(totals) {
  if (totals.wrong === null) return totals.nothing_to_tell;
  if (totals.at_bound) {
    return `at its bound: fewer than one label is estimated to be ${totals.wrong > 0.5 ? 'right' : 'wrong'}`;
  }
  if (totals.wrong_error !== null) {
    return `\u00b1 ${share(totals.wrong_error)} (one standard error), by ${totals.golden_pairs} golden pairs`;
  }
  const by = totals.by === 'q' ? 'as the model has it' : 'by the mean of both streams';
  return `${by}; a lower bound if people labelled, as no golden pairs tell more`;
}

function tile(value, name, about = null) {
  return element('div', { class: 'tile' }, element('dt', {}, word(name), about ? element('span', { class: 'about', text: about }) : null), element('dd', { text: value }));
}

function panel(title, about, ...content) {
  return element('section', { class: 'panel' }, element('h3', { text: title }),
    about ? element('p', { class: 'quiet', text: about }) : null, ...content);
}

function tiles(all) {
  const { totals } = all;
  const accuracy = totals.accuracy || {};
  const of = (n) => (totals.samples ? ` (${share(n / totals.samples)})` : '');
  const shown = [
    tile(count(totals.samples), 'samples of the noisy stream'),
    tile(count(totals.kept) + of(totals.kept), 'kept'),
    tile(count(totals.dropped) + of(totals.dropped), 'rejected'),
    tile(count(totals.mined) + of(totals.mined), 'mined (semi-hard)'),
    tile(totals.wrong === null ? '\u2013' : share(totals.wrong), 'estimated noise', groundOfNoise(totals)),
    tile(count(totals.suspects) + of(totals.suspects), 'suspects'),
  ];
  if (totals.decided) shown.push(tile(count(totals.decided), 'decided by people before the run'));
  if (totals.golden) shown.push(tile(count(totals.golden), 'golden samples'));
  if (accuracy.last !== null && accuracy.last !== undefined) {
    shown.push(tile(share(accuracy.last, 2), `${accuracy.evaluated_on} accuracy, last epoch`));
  }
  if (totals.known_noise !== null && totals.known_noise !== undefined) {
    shown.push(tile(share(totals.known_noise), 'wrong labels in truth, where known'));
  }
  if (totals.auroc !== null && totals.auroc !== undefined) {
    shown.push(tile(totals.auroc.toFixed(4), 'label-error AUROC, against the truth'));
  }
  return element('dl', { class: 'tiles' }, ...shown);
}

const fifths = [0, 0.2, 0.4, 0.6, 0.8, 1].map((v) => [v, `${Math.round(100 * v)} %`]);

function accuracyPanel({ epochs, rounds, totals }) {
  const evaluatedOn = (totals.accuracy || {}).evaluated_on || 'test';
  const mark = rounds.epoch.length ? rounds.epoch[0] : null;
  const chart = lineChart('Accuracy by epoch', [
    { name: `${evaluatedOn} accuracy`, class: 'ink', x: epochs.epoch, y: epochs.accuracy },
    { name: 'agreement with the labels trained on', class: 'quiet-line', x: epochs.epoch, y: epochs.train_accuracy },
  ], { yTicks: fifths, mark });
  return chart && panel('Accuracy by epoch', mark === null ? '' : 'The upright line is the first round.', chart);
}

function selectionPanel({ rounds, totals }) {
  const part = (values) => values.map((v) => (v === null ? null : v / totals.samples));
  const chart = lineChart('Selection by epoch', [
    { name: 'kept, share of the stream', class: 'ink', x: rounds.epoch, y: part(rounds.kept) },
    { name: 'mined, share of the stream', class: 'quiet-line', x: rounds.epoch, y: part(rounds.semi_hard) },
    { name: 'estimated share of right labels', class: 'right', x: rounds.epoch, y: rounds.estimated_clean_share },
    { name: 'kept: precision, against the truth', class: 'third', x: rounds.epoch, y: rounds.kept_precision },
    { name: 'kept: recall, against the truth', class: 'fourth', x: rounds.epoch, y: rounds.kept_recall },
  ], { yTicks: fifths });
  return chart && panel('Selection by epoch', 'What the round before each epoch kept.', chart);
}

function matrixPanel({ matrix }) {
  if (!matrix) {
    return panel('Transition matrix', `It is not drawn for ${count(data.classes.length)} classes; the pairs are in the table.`);
  }
  const estimated = matrix.kind === 'transition';
  return panel(
    estimated ? 'Estimated transition matrix' : 'Suggested and given classes',
    estimated ? 'How each true class is labelled, in per cent.'
      : 'How each suggested class is labelled, in per cent. (No transition matrix: the run had no purification.)',
    heatMap(matrix.rows, estimated ? 'true' : 'suggested', 'given'));
}

function streamPanels({ streams }) {
  const panels = [];
  streams.forEach((stream, network) => {
    const of = streams.length > 1 ? `, network ${network + 1}` : '';
    panels.push(panel(`Loss stream${of}`, 'Loss of the given label in the last round, in nats.',
      histogram(`Histogram of losses${of}`, stream.loss, true)));
    const place = element('div', {});
    const pick = element('select', { id: `feature-class-${network}` },
      ...stream.feature.map((_, c) => element('option', { value: c, text: shortNames[c] })));
    const draw = () => place.replaceChildren(
      histogram(`Histogram of places in feature space${of}`, stream.feature[Number(pick.value)], false));
    pick.addEventListener('change', draw);
    draw();
    const rest = data.classes.length - stream.feature.length;
    const byMeans = stream.feature.some((drawn) => drawn.mean.length);
    const what = byMeans ? 'Mean cosine similarity to the samples of the given class.'
      : 'Log-odds of the given label among the labels of the neighbours.';
    panels.push(panel(`Feature stream${of}`, what,
      element('label', { for: pick.id, text: rest > 0 ? `Class (the first ${stream.feature.length})` : 'Class' }), ' ', pick, place));
  });
  return panels;
}

function classPanel({ classes }) {
  const order = data.classes.map((_, i) => i)
    .sort((a, b) => (classes.wrong[b] ?? -1) - (classes.wrong[a] ?? -1));
  return panel('By given class', 'The noisiest first, as estimated.', scrollTable(
    'Figures by class', ['class', 'samples', 'kept', 'mined', 'suspects', 'noise'],
    order.map((c) => [classLink(c), count(classes.samples[c]), count(classes.kept[c]), count(classes.mined[c]),
      count(classes.suspects[c]), classes.wrong[c] === null ? '\u2013' : share(classes.wrong[c])])));
}

// A class leads to its samples, if this page has any.
function classLink(c) {
  if (!samples.index.some((_, i) => FILTERS.class(i, c))) return nameOf(c);
  return element('button', { type: 'button', class: 'link', on: { click: () => leadTo({ class: String(c) }) } }, nameOf(c));
}

function pairPanel({ pairs }) {
  if (!pairs.length) return panel('Classes most confused', 'No other class is suggested for any sample.');
  const button = ([given, suggested]) => element('button', {
    type: 'button', text: 'Show', 'aria-label': `Show ${className(given)} to ${className(suggested)}`,
    on: { click: () => leadTo({ pair: String(given * data.classes.length + suggested) }) },
  });
  return panel('Classes most confused', 'Suspects by given and suggested class.', scrollTable(
    'Pairs of classes', ['given', 'suggested', 'suspects', 'samples'],
    pairs.map((pair) => [nameOf(pair[0]), nameOf(pair[1]), count(pair[2]), button(pair)])));
}

function scrollTable(label, head, rows) {
  const line = (tag, cells) => element('tr', {}, ...cells.map((cell) => element(tag, tag === 'th' ? { scope: 'col' } : {}, cell)));
  const table = element('table', {}, element('thead', {}, line('th', head)),
    element('tbody', {}, ...rows.map((cells) => line('td', cells))));
  return element('div', { class: 'tall', tabindex: 0, role: 'region', 'aria-label': label }, table);
}

// What a person must know before they believe a number.
function showBanner(totals) {
  const parts = [];
  const expected = totals.wrong === null ? null : totals.wrong * totals.judged;
  if (totals.nothing_to_tell) parts.push(`Nothing tells how many labels are wrong: ${totals.nothing_to_tell}.`);
  if (data.abstains.loss && !totals.nothing_to_tell) parts.push('The loss stream abstains: neighbours judge alone.');
  const silent = data.abstains.feature.length;
  if (silent && !totals.nothing_to_tell) parts.push(`The feature stream abstains in ${silent === data.classes.length ? 'every class' : `${count(silent)} of ${plural(data.classes.length, 'class', 'classes')}`}.`);
  if (expected !== null && totals.suspects > 2 * expected + 5) {
    parts.push(`About ${count(Math.round(expected))} of ${count(totals.judged)} labels are estimated to be wrong, and ${count(totals.suspects)} are suspects: most of these are right.`);
  }
  if (!calibrated && totals.suspects) parts.push('Without golden samples nothing says how probable a wrong label is: suspects are ranked.');
  byId('banner').textContent = parts.join(' ');
  byId('banner').hidden = !parts.length;
}

function showTitle() {
  const all = data.overview;
  showBanner(all.totals);
  byId('title').textContent = `Audit of ${short(data.run)}`;
  const stopped = all.totals.error ? ' The run ended with an error.' : all.totals.interrupted ? ' The run was stopped early.' : '';
  byId('subtitle').textContent =
    `${short(data.name)}: ${count(all.totals.samples)} samples, ${count(data.classes.length)} classes; labels ${data.sha.slice(0, 12)}.${stopped}`;
  if (data.note) {
    byId('note').textContent = data.note;
    byId('note').hidden = false;
  }
}

// Drawn when it is first looked at: the samples come first.
function showOverview() {
  if (byId('overview').querySelector('.panels')) return;
  const all = data.overview;
  const panels = [accuracyPanel(all), selectionPanel(all), ...streamPanels(all), matrixPanel(all), pairPanel(all), classPanel(all)];
  const made = element('div', { class: 'panels' }, ...panels.filter((p) => p !== null));
  byId('overview').append(tiles(all), made);
  new ResizeObserver(() => {
    fillLastRow(made);
    fillTables(made);
  }).observe(made);
}

// The last panel is as wide as what the others leave of its row.
function fillLastRow(made) {
  const columns = getComputedStyle(made).gridTemplateColumns.split(' ').length;
  const spans = (panel) => (panel.querySelector(':scope > .wide') ? Math.min(2, columns) : 1);
  const others = [...made.children].slice(0, -1).reduce((total, panel) => total + spans(panel), 0);
  made.lastElementChild.style.gridColumn = `span ${columns - (others % columns)}`;
}

// A table that scrolls takes the height that the panels beside its own leave it.
function fillTables(made) {
  const tables = [...made.querySelectorAll('.panel > .tall')];
  for (const table of tables) table.style.removeProperty('--room');
  const bottom = (box) => box.getBoundingClientRect().bottom;
  const rooms = tables.map((table) => {
    const panel = table.parentElement;
    const left = bottom(panel) - parseFloat(getComputedStyle(panel).paddingBottom) - bottom(panel.lastElementChild);
    return table.getBoundingClientRect().height + Math.max(0, left - 1);
  });
  tables.forEach((table, n) => table.style.setProperty('--room', `${rooms[n]}px`));
}
