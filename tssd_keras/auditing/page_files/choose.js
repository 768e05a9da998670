// Another class: a list that typing narrows down. It stands beside the picture, not upon it.
let asked = [];

function askOther() {
  asked = targets();
  byId('other-search').value = '';
  listClasses();
  byId('other').hidden = false;
  byId('facts').hidden = true;
  document.body.classList.add('asking');
  byId('other-search').focus();
}

function closeOther({ focus = true } = {}) {
  if (byId('other').hidden) return;
  byId('other').hidden = true;
  byId('facts').hidden = false;
  document.body.classList.remove('asking');
  if (focus) focusSamples();
}

// Where other samples are at hand than were asked about, nothing is asked any more.
function closeOtherIfStale() {
  if (asked.join() !== targets().join()) closeOther({ focus: false });
}

const MOST_LISTED = 500;

function listClasses() {
  const wanted = byId('other-search').value.trim().toLowerCase();
  // The same name comes first, then names that begin so: Enter takes the first.
  const ranked = [[], [], []];
  data.classes.forEach((name, c) => {
    const lower = name.trim().toLowerCase();
    if (!wanted) ranked[0].push(c);
    else if (lower.includes(wanted)) ranked[lower === wanted ? 0 : lower.startsWith(wanted) ? 1 : 2].push(c);
  });
  const listed = ranked.flat();
  const choose = (c) => () => {
    closeOther();
    decideOn(asked, () => c);
  };
  const line = (c) => element('li', {}, element('button', {
    type: 'button', text: className(c), title: cut(data.classes[c], 500), on: { click: choose(c) } }));
  byId('other-list').replaceChildren(...listed.slice(0, MOST_LISTED).map(line));
  byId('other-more').textContent = listed.length ? `${count(listed.length)} classes` : 'No class is called so.';
}

function moveInList(event) {
  const buttons = [...byId('other-list').querySelectorAll('button')];
  const at = buttons.indexOf(document.activeElement);
  if (event.key === 'ArrowDown' || event.key === 'ArrowUp') {
    const next = event.key === 'ArrowDown' ? at + 1 : at - 1;
    (buttons[next] || byId('other-search')).focus();
    event.preventDefault();
  } else if (event.key === 'Enter' && document.activeElement === byId('other-search')) {
    if (buttons.length && byId('other-search').value.trim()) buttons[0].click();
    event.preventDefault();
  } else if (event.key === 'Escape') closeOther();
}
