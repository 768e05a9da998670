// Deciding. Nothing is decided that was not on the screen: what is not is brought there first.
function say(text) {
  byId('said').textContent = text;
}

// A picture was on the screen as a whole before it was zoomed.
const shown = () => (state.view === 'grid' ? chosen().map(tileOf) : [zoom.step ? byId('stage') : byId('stage').firstElementChild]);

// Whether all that a key would decide can be seen. If not, it is shown, and the key has done its work.
function seen() {
  if (byId('decide').hidden) {
    location.hash = '#decide';
    showPart();
    say('The samples are on the screen now. Nothing was decided.');
    return false;
  }
  if (state.view === 'one' && isFolded()) {
    unfold();
    say('The sample goes on: all of it is there now. Nothing was decided.');
    return false;
  }
  const hidden = shown().find((made) => !onScreen(made) || (made.tagName === 'IMG' && !made.complete));
  if (!hidden) return true;
  hidden.scrollIntoView({ block: 'nearest' });
  say('The sample is on the screen now. Nothing was decided.');
  return false;
}

// The samples that a key is about: the current one, or in the grid those that are selected.
const targets = () => (state.view === 'one' ? [current()].filter((i) => i >= 0) : chosen());

// labelFor: place -> label, or null where there is nothing to decide for this one.
function decideOn(list, labelFor) {
  if (!list.length) return say(state.list.length ? END_OF_LIST() : 'There is nothing to decide.');
  if (!seen()) return;
  const read = list.filter(isReadWhole);
  if (!read.length) return say(`${GOES_ON} Nothing was decided.`);
  const changes = read.map((i) => [i, labelFor(i)]).filter(([, label]) => label !== null);
  const passed = read.length - changes.length;
  if (!changes.length) return say('No other class is suggested: keep it, or choose another class.');
  const over = decideAll(changes.map(([i, label]) => [samples.index[i], label]));
  noteDecisions(changes.length);
  say(told(changes, over, passed, list.length - read.length));
  if (state.view === 'one') nextOpen();
  else nextInGrid();
  refresh();
}

function told(changes, over, passed, unread) {
  const parts = [];
  if (changes.length === 1) {
    const [i, label] = changes[0];
    parts.push(`${short(nameOfSample(i), 30)}: ${labelName(label)}.`);
    if (over.length) parts.push(`Before: ${labelName(over[0][1])}.`);
  } else {
    parts.push(`${count(changes.length)} decided.`);
    if (over.length) parts.push(`${plural(over.length, 'earlier decision was', 'earlier decisions were')} overwritten.`);
  }
  if (passed) parts.push(`${count(passed)} without another suggested class stayed.`);
  if (unread) parts.push(`${plural(unread, 'text')} longer than ${unread === 1 ? 'its tile' : 'their tiles'} stayed: look at each alone (Enter).`);
  return parts.join(' ');
}

const END_OF_LIST = () => {
  const open = state.list.filter(isOpen).length;
  return open ? `The end of the list; ${count(open)} of ${count(state.list.length)} are not decided.` : `All ${count(state.list.length)} decided.`;
};

// To the next undecided sample of the list; behind the last one is its end.
function nextOpen() {
  state.at = firstOpen(state.at + 1, state.list.length);
}

const ACT = {
  confirm: () => decideOn(targets(), (i) => (differs(i) ? samples.suggested[i] : null)),
  keep: () => decideOn(targets(), (i) => samples.given[i]),
  unsure: () => decideOn(targets(), () => UNSURE),
  unusable: () => decideOn(targets(), () => UNUSABLE),
  other: () => {
    if (!targets().length) return say(END_OF_LIST());
    if (seen()) askOther();
  },
  class: (c) => decideOn(targets(), () => c),
};

function nth(n) {
  if (state.view !== 'one') return say('Keys 1 to 5 decide on one sample: press g for that view.');
  const i = current();
  if (i < 0) return ACT.class(-1);
  const found = topOf(i)[n - 1];
  if (!found) return say(`There is no class ${n} here.`);
  return ACT.class(found[0]);
}

function undo() {
  const taken = undoStep();
  if (taken === null) return say('There is nothing to undo.');
  const { places, stay } = taken;
  const other = stay ? ` ${plural(stay, 'decision')} that another page changed since ${stay === 1 ? 'stays' : 'stay'}.` : '';
  say(places.length === 1 ? `Taken back: ${short(nameOfSample(places[0]), 30)} is ${isOpen(places[0]) ? 'open again' : `${labelName(decisionOf(places[0]))} again`}.${other}`
    : `Taken back: ${plural(places.length, 'decision')}.${other}`);
  if (places.length) goTo(places[0]);
  refresh();
}

// To a sample, whatever way and filter it needs.
function goTo(i) {
  if (placeInList(i) < 0) {
    if (!IN_WAY[state.way].has(i)) state.way = state.way === 'teaching' ? 'surest' : 'teaching';
    relist();
    if (placeInList(i) < 0) {
      clearFilters();
      relist();
    }
  }
  state.at = placeInList(i);
  select.clear();
}

function step(by) {
  if (!state.list.length) return;
  state.at = Math.min(Math.max(0, state.at + by), by > 0 ? Math.max(state.at, state.list.length - 1) : state.list.length - 1);
  if (state.view === 'grid') select.clear();
  refresh();
}

// n and p: the next undecided one and the one before; in the grid the next screen and the one before.
function leap(by) {
  if (state.view === 'grid') return turnPage(by);
  let at = state.at + by;
  while (at >= 0 && at < state.list.length && !isOpen(state.list[at])) at += by;
  if (at < 0 || at >= state.list.length) return say(by > 0 ? 'No undecided sample comes after this one.' : 'No undecided sample comes before this one.');
  state.at = at;
  return refresh();
}
