// One sample at a time, in a fixed place: the picture, and beside it what one needs to decide.
const one = { shown: -2, squares: false };

function showOne() {
  const i = current();
  byId('work').dataset.state = i < 0 ? 'end' : actionOf(i) || 'open';
  if (i < 0) showEnd();
  else showSample(i);
  one.shown = i;
}

function showEnd() {
  const open = state.list.filter(isOpen).length;
  const text = !state.list.length ? (ordered().length ? 'No samples are like this.' : 'There is nothing to decide in this order.') : END_OF_LIST();
  const again = open ? element('button', { type: 'button', text: 'To the first of them', on: { click: () => { state.at = firstOpen(0, 0); refresh(); } } }) : null;
  const all = activeFilters().length ? element('button', { type: 'button', text: 'Show all samples', on: { click: () => { clearFilters(); relist(); refresh(); } } }) : null;
  byId('stage').classList.remove('folded', 'zoomed');
  byId('stage').replaceChildren(element('div', { class: 'picture none end' }, element('p', { id: 'head', class: 'big', text }), again, ' ', all));
  byId('facts').replaceChildren();
  prepare([]);
}

function showSample(i) {
  if (one.shown !== i || !byId('stage').firstElementChild) {
    const picture = readyPicture(i);
    if (picture.tagName === 'DIV') {
      for (const [name, value] of Object.entries({ tabindex: 0, role: 'region', 'aria-label': `${isRows ? 'numbers' : 'text'} of ${cut(nameOfSample(i), 80)}` })) picture.setAttribute(name, value);
    }
    byId('stage').replaceChildren(picture);
    byId('stage').classList.toggle('squares', one.squares);
    zoomBy(0);
    fold(i);
  }
  byId('facts').replaceChildren(...factsOf(i).filter((part) => part !== null));
  prepare([i, ...comingUp(2)]);
}

function factsOf(i) {
  const rank = samples.rank[i];
  const id = nameOfSample(i);
  const now = actionOf(i);
  const by = decisions.by.get(samples.index[i]);
  return [
    element('p', { id: 'head', class: 'head' }, element('span', { class: 'rank', text: rank > 0 ? `#${count(rank)}` : 'kept' }), ' ',
      element('bdi', { class: 'id', dir: 'auto', text: short(id, 60), title: cut(id, 500) })),
    element('dl', { class: [samples.given[i], samples.suggested[i]].some((c) => c >= 0 && data.classes[c].length > 12) ? 'labels long' : 'labels' },
      element('dt', { text: 'Labelled' }), element('dd', { class: differs(i) ? 'is-given doubted' : 'is-given' }, nameOf(samples.given[i])),
      element('dt', { text: 'Suggested' }), element('dd', { class: differs(i) ? 'is-suggested' : 'is-given' }, nameOf(samples.suggested[i]),
        differs(i) ? null : element('span', { class: 'quiet', text: samples.suggested[i] < 0 ? '' : ', the same' })),
      element('dt', {}, word('probably wrong', calibrated ? 'Wrong' : 'Suspect')), element('dd', { text: wrongOf(i) })),
    element('p', { class: 'reason', text: reasonOf(i) }),
    conflictLine(i),
    element('p', { class: 'state', text: now === null ? 'Not decided' : `Decided: ${now === 'unsure' || now === 'unusable' ? DONE[now] : `${DONE[now]}, ${labelName(decisionOf(i))}`}${by ? ` (${by})` : ''}` }),
    topList(i),
    besides(i),
    element('details', {}, element('summary', { text: 'Scores' }), scoresOf(i),
      element('p', { class: 'quiet', text: data.reasons[samples.reason[i]] })),
  ];
}

function topList(i) {
  const rows = topOf(i).map(([c, p], at) => {
    const bar = element('span', { class: 'share' });
    bar.style.setProperty('--share', String((p || 0) / 1000));
    const role = c === samples.given[i] ? 'given' : c === samples.suggested[i] ? 'suggested' : '';
    return element('li', {}, element('button', {
      type: 'button', class: `top ${differs(i) ? role : ''}`, 'data-class': c, 'aria-pressed': String(decisionOf(i) === c), title: cut(data.classes[c], 500),
      on: { click: () => ACT.class(c) },
    }, element('kbd', { 'aria-hidden': 'true', text: String(at + 1) }), element('span', { class: 'what', text: className(c) }),
    role === 'given' ? element('span', { class: 'tag', text: 'given' }) : null, calibrated ? bar : null, calibrated ? element('span', { class: 'p', text: percent(p) }) : null));
  });
  return rows.length ? element('ol', { class: calibrated ? 'tops' : 'tops ranked' }, ...rows) : null;
}

function switchSquares() {
  one.squares = !one.squares;
  remember(':squares', String(one.squares));
  byId('stage').classList.toggle('squares', one.squares);
  byId('grid').classList.toggle('squares', one.squares);
  say(one.squares ? 'Small pictures are scaled up in squares.' : 'Small pictures are scaled up smoothly.');
}
