// One sample: picture, labels, scores, reason, and the buttons that decide.
const DONE = { keep: 'Given label kept', confirm: 'Suggestion confirmed', other: 'Other class', skip: 'Skipped' };

const pictureAt = new Map(data.pictures.at.map((i, at) => [i, data.pictures.content[at]]));

function pictureOf(i) {
  const { kind } = data.pictures;
  if (kind === 'none') return element('p', { class: 'picture quiet', text: 'No picture.' });
  if (!pictureAt.has(i)) {
    return element('p', { class: 'picture quiet', text: `Not embedded: ${count(pictureAt.size)} samples have a picture.` });
  }
  if (kind === 'image') {
    const image = element('img', { src: pictureAt.get(i), alt: `sample ${samples.index[i]}` });
    image.addEventListener('load', () => image.classList.toggle('small', image.naturalWidth <= 48));
    return element('div', { class: 'picture' }, image);
  }
  return element('div', { class: `picture ${kind}`, dir: 'auto', tabindex: 0, role: 'region',
    'aria-label': `${kind} of sample ${samples.index[i]}`, text: pictureAt.get(i) });
}

function scoresOf(i) {
  const rows = [
    ['q', thousandths(samples.q[i])],
    ['loss stream', thousandths(samples.p_loss[i])],
    ['feature stream', thousandths(samples.p_feature[i])],
    ['suggestion', thousandths(samples.confidence[i])],
    ['weight', thousandths(samples.weight[i])],
    ['role', samples.role[i]],
    ['last change', samples.changed[i] > 0 ? `epoch ${samples.changed[i]}` : '-'],
    ['stratum', data.strata[samples.stratum[i]].name],
  ];
  return element('details', {}, element('summary', { text: 'Scores' }),
    element('dl', { class: 'scores' }, ...rows.flatMap(([name, value]) => [
      element('dt', { text: name }), element('dd', { text: value })])));
}

function headOf(i) {
  const rank = samples.rank[i];
  const id = samples.id === null ? `sample ${samples.index[i]}` : samples.id[i];
  return element('h3', { id: `card-${i}` },
    element('span', { class: 'rank', text: rank > 0 ? `#${count(rank)}` : 'kept' }), ' ',
    element('bdi', { class: 'id', dir: 'auto', text: short(id, 60), title: cut(id, 500) }));
}

function labelsOf(i) {
  const offered = samples.suggested[i] !== samples.given[i] && samples.suggested[i] >= 0;
  const sure = samples.confidence[i] === null ? '' : ` ${Math.round(samples.confidence[i] / 10)} %`;
  return element('dl', { class: 'labels' },
    element('dt', { text: 'Given' }), element('dd', {}, nameOf(samples.given[i])),
    element('dt', { text: 'Suggested' }),
    element('dd', {}, nameOf(samples.suggested[i]), element('span', { class: 'quiet', text: offered ? sure : `${sure}, the same` })),
    element('dt', { text: 'Wrong' }),
    element('dd', { text: samples.p_wrong[i] === null ? '-' : `${(samples.p_wrong[i] / 10).toFixed(1)} % probable` }));
}

// act: {confirm, keep, other, skip}, each is called with the place i.
function cardOf(i, act) {
  const button = (action, key, text, whole = null) => element('button', {
    type: 'button', 'data-action': action, title: whole, on: { click: () => act[action](i) },
  }, element('span', { class: 'what', text }), element('kbd', { text: key, 'aria-hidden': 'true' }));
  const given = samples.given[i];
  const suggested = samples.suggested[i];
  const confirm = button('confirm', 'c', suggested >= 0 ? `Confirm ${className(suggested)}` : 'Confirm',
    suggested >= 0 ? cut(data.classes[suggested], 500) : null);
  confirm.disabled = suggested < 0 || suggested === given;
  const state = element('p', { class: 'state', id: `state-${i}` });
  const card = element('article', {
    class: 'card', tabindex: -1, 'data-i': i, 'aria-labelledby': `card-${i}`, 'aria-describedby': `state-${i}`,
  },
  pictureOf(i),
  element('div', { class: 'about' }, headOf(i), labelsOf(i),
    element('p', { class: 'reason', text: data.reasons[samples.reason[i]] }), scoresOf(i)),
  element('div', { class: 'buttons' }, confirm,
    button('keep', 'k', `Keep ${className(given)}`, cut(data.classes[given], 500)),
    button('other', 'o', 'Other class'), button('skip', 's', 'Skip')),
  state);
  showState(card, i);
  return card;
}

function showState(card, i) {
  const action = actionOf(i);
  card.dataset.state = action || 'open';
  const text = action ? DONE[action] : 'Not decided';
  card.querySelector('.state').textContent =
    action && action !== 'skip' ? `${text}: ${className(decisionOf(i))}` : text;
  for (const made of card.querySelectorAll('[data-action]')) {
    made.setAttribute('aria-pressed', String(made.dataset.action === action));
  }
}
