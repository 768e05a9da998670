// What is longer than its place is folded: it is decided on once all of it was there. And zoom.
const readWhole = new Set(); // places of the samples that were there as a whole
const GOES_ON = 'The text goes on behind the end of its tile: look at it alone (Enter).';
const isFolded = () => byId('stage').classList.contains('folded');
const fits = (made) => made.scrollHeight <= made.clientHeight + 1;

// Whether a sample can be decided on: a picture always, a text once its end was on the screen.
function isReadWhole(i) {
  if (data.pictures.kind !== 'text' || !pictureAt.has(i) || readWhole.has(i)) return true;
  const made = state.view === 'one' ? byId('stage').firstElementChild : tileOf(i)?.querySelector('.picture');
  return Boolean(made) && !isFolded() && fits(made);
}

function fold(i) {
  const stage = byId('stage');
  const made = stage.firstElementChild;
  stage.classList.remove('folded');
  if (made.tagName !== 'DIV' || made.classList.contains('end')) return;
  if (fits(made)) readWhole.add(i);
  if (readWhole.has(i)) return;
  stage.classList.add('folded');
  const n = made.textContent.length;
  stage.append(element('button', { type: 'button', id: 'unfold', on: { click: unfold } },
    element('span', { class: 'what', text: isRows ? 'Show all numbers' : `Show all ${count(n)} characters` }), ' ', keyCap('KeyE')));
}

function unfold() {
  const stage = byId('stage');
  if (!isFolded()) return;
  stage.classList.remove('folded');
  byId('unfold')?.remove();
  readWhole.add(current());
  stage.firstElementChild.focus({ preventScroll: true });
}

// Zoom: the picture at its own size, or twice as large as it fits; then twice that; then as it fits.
const zoom = { step: 0, drag: null };

function zoomBy(step) {
  const stage = byId('stage');
  const image = stage.firstElementChild;
  zoom.step = 0;
  stage.classList.remove('zoomed');
  if (!image || image.tagName !== 'IMG') return;
  image.style.width = '';
  image.style.height = '';
  if (!step || !image.naturalWidth) return;
  const box = stage.getBoundingClientRect();
  const fit = Math.min(box.width / image.naturalWidth, box.height / image.naturalHeight);
  const scale = Math.max(1, 2 * fit) * step;
  zoom.step = step;
  stage.classList.add('zoomed');
  image.style.width = `${Math.round(image.naturalWidth * scale)}px`;
  image.style.height = `${Math.round(image.naturalHeight * scale)}px`;
  stage.scrollTo((image.offsetWidth - stage.clientWidth) / 2, (image.offsetHeight - stage.clientHeight) / 2);
}

function switchZoom() {
  if (state.view !== 'one' || !isImage) return say('Zoom is for one picture.');
  if (byId('stage').firstElementChild?.tagName !== 'IMG') return say('There is no picture here.');
  if (!seen()) return null;
  zoomBy(zoom.step === 0 ? 1 : zoom.step === 1 ? 2 : 0);
  return say(zoom.step ? 'Zoomed: drag or scroll to look around; z again, and z once more to go back.' : 'As large as it fits.');
}

function beginPan(event) {
  if (!zoom.step || event.button !== 0 || event.pointerType === 'touch') return;
  zoom.drag = { x: event.clientX, y: event.clientY };
  byId('stage').setPointerCapture(event.pointerId);
}

function pan(event) {
  if (!zoom.drag) return;
  byId('stage').scrollBy(zoom.drag.x - event.clientX, zoom.drag.y - event.clientY);
  zoom.drag = { x: event.clientX, y: event.clientY };
}

function listenOnStage() {
  const stage = byId('stage');
  const on = { pointerdown: beginPan, pointermove: pan, pointerup: () => { zoom.drag = null; }, pointercancel: () => { zoom.drag = null; }, wheel: unfold, touchmove: unfold, dblclick: () => (isImage ? switchZoom() : null) };
  for (const [event, listener] of Object.entries(on)) stage.addEventListener(event, listener, { passive: true });
}
