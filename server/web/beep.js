// Two soft notes: something arrived.

const NOTES = [784, 1047]; // Hz: g, and the c above
const LASTS = 0.16; // seconds, each
const LOUD = 0.08;
const BESIDE = 1_500; // ms in which no other window of this browser says the same
let context = null;

/** Sound once, in one window. Before somebody has done something in the page browsers allow no sound, and none is tried. */
export async function beep() {
  if (!navigator.userActivation?.hasBeenActive) return;
  const once = (lock) => lock && sound().then(() => new Promise((done) => setTimeout(done, BESIDE)));
  await (navigator.locks ? navigator.locks.request("madang.beep", { ifAvailable: true }, once) : sound());
}

async function sound() {
  context ??= new AudioContext();
  await context.resume();
  NOTES.forEach((pitch, index) => note(pitch, context.currentTime + index * LASTS));
}

function note(pitch, at) {
  const tone = new OscillatorNode(context, { frequency: pitch });
  const volume = new GainNode(context, { gain: 0 });
  volume.gain.setValueAtTime(0, at);
  volume.gain.linearRampToValueAtTime(LOUD, at + 0.01);
  volume.gain.exponentialRampToValueAtTime(0.0001, at + LASTS * 1.5);
  tone.connect(volume).connect(context.destination);
  tone.start(at);
  tone.stop(at + LASTS * 1.5);
}
