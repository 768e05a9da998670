// What one needs to decide: the reason in numbers, the probable classes, kept samples beside it.
const T = samples.index.length ? samples.top.length / samples.index.length : 0;
const calibrated = Boolean(data.overview.totals.golden_pairs);

const ABSTAINS = '\u2013 (it abstains)';
const silentClasses = new Set(data.abstains.feature);

// [class, probability in thousandths], the most probable first.
function topOf(i) {
  const found = [];
  for (let at = i * T; at < (i + 1) * T; at += 1) {
    if (samples.top[at] >= 0) found.push([samples.top[at], samples.top_p[at]]);
  }
  return found;
}

const probabilityOf = (i, label) => (topOf(i).find(([c]) => c === label) || [label, null])[1];

// A number of times as people say it.
const times = (odds) => (odds >= 99 ? 'a hundred times' : `${Number(odds.toPrecision(2))} times`);

// Without golden samples nothing says how probable anything is: ranks stand in place of figures.
const nSuspects = data.overview.totals.suspects;
const rankOf = (i) => (samples.rank[i] > 0 ? `#${count(samples.rank[i])}` : '\u2013');
const PLACES = ['first', 'second', 'third', 'fourth', 'fifth'];
function placeOf(i, label) {
  const at = topOf(i).findIndex(([c]) => c === label);
  return at < 0 ? `after the ${T} below` : PLACES[at];
}

// Two sentences at most, and every part has its number.
function reasonOf(i) {
  const given = samples.given[i];
  const suggested = samples.suggested[i];
  const said = (label) => briefName(label, 24);
  const parts = [];
  if (samples.p_wrong[i] === null) return 'Nothing is told of this label: every stream abstains on it.';
  if (suggested >= 0 && samples.p_suggested[i] !== null) {
    const own = probabilityOf(i, given);
    if (!calibrated) {
      parts.push(suggested === given ? `${said(given)}, as it is labelled, comes first of all classes.`
        : topOf(i)[0]?.[0] === given ? `${said(suggested)} is suggested; of the classes below ${said(given)} comes first.`
          : `${said(suggested)} comes first of all classes, ${said(given)} ${placeOf(i, given)}.`);
    } else parts.push(suggested === given
      ? `${said(given)}, as it is labelled, is the most probable class, by ${percent(samples.p_suggested[i])}.`
      : `${said(suggested)} is ${percent(samples.p_suggested[i])} probable, ${said(given)} ${own === null ? 'less than each of the classes below' : percent(own)}.`);
  }
  const above = samples.loss_above[i];
  const odds = samples.odds[i];
  const second = [];
  if (above !== null) {
    second.push(above >= 500 ? `its loss is higher than that of ${percent(above)} of all labelled ${said(given)}`
      : `its loss is lower than that of ${percent(1000 - above)} of all labelled ${said(given)}`);
  }
  if (odds !== null) {
    second.push(odds < 1 ? `its neighbours speak ${times(1 / odds)} as much for another class`
      : `its neighbours speak ${times(odds)} as much for ${said(given)} as for any other class`);
  }
  if (second.length) {
    const text = second.join(', and ');
    parts.push(`${text[0].toUpperCase()}${text.slice(1)}.`);
  }
  return parts.join(' ');
}

// A word of the glossary, explained where it stands.
function word(name, text = name) {
  const anchor = `term-${name.replace(/[^a-z0-9]+/g, '-')}`;
  const term = byId(anchor);
  if (!term) return element('span', { text });
  return element('a', { class: 'word', href: `#${anchor}`, title: term.nextElementSibling.textContent, text });
}

function wrongOf(i) {
  if (samples.p_wrong[i] === null) return '\u2013';
  if (calibrated) return percent(samples.p_wrong[i]);
  return samples.rank[i] > 0 ? `${count(samples.rank[i])} of ${count(nSuspects)}` : 'not among them';
}

function scoresOf(i) {
  const rows = [
    [word('probably wrong'), calibrated ? wrongOf(i) : thousandths(samples.p_wrong[i])],
    [word('q'), thousandths(samples.q[i])],
    [word('stream', 'loss stream'), data.abstains.loss ? ABSTAINS : thousandths(samples.p_loss[i])],
    [word('stream', 'feature stream'), silentClasses.has(samples.given[i]) ? ABSTAINS : thousandths(samples.p_feature[i])],
    [word('suggested label', 'suggestion'), calibrated ? percent(samples.p_suggested[i]) : thousandths(samples.p_suggested[i])],
    ...(data.trained ? [[word('weight'), thousandths(samples.weight[i])]] : []),
    [word('role'), samples.role[i] || '\u2013'],
    ...(data.trained ? [['last change', samples.changed[i] > 0 ? `epoch ${samples.changed[i]}` : '\u2013']] : []),
    [word('stratum'), data.strata[samples.stratum[i]].name],
  ];
  return element('dl', { class: 'scores' }, ...rows.flatMap(([name, value]) => [
    element('dt', {}, name), element('dd', { text: value })]));
}

// Kept samples of a class, the nearest first, those with a picture alone.
function besideStrip(i, label, which) {
  if (label < 0 || !nBeside) return null;
  const { near, width, by_features: alike } = data.beside;
  const start = 2 * width * i + (which === 'given' ? 0 : width);
  const shown = near.slice(start, start + width).filter((at) => at >= 0 && at < nBeside);
  const title = element('h2', {}, alike ? 'Most like it among kept ' : 'Kept ', nameOf(label));
  const strip = shown.length ? element('div', { class: 'strip' }, ...shown.map((at) => besideOf(at)))
    : element('p', { class: 'quiet', text: 'None with a picture.' });
  return element('div', { class: `beside ${which}` }, title, strip);
}

function besides(i) {
  const given = besideStrip(i, samples.given[i], 'given');
  const suggested = differs(i) ? besideStrip(i, samples.suggested[i], 'suggested') : null;
  return given || suggested ? element('div', { class: 'besides' }, given, suggested) : null;
}
