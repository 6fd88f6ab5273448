// A sound that the window has whole: played as an audio element plays one. The content policy has no such element play what has no address here.

const TOLD_EVERY = 100;

/** The sound of a recording, decoded. Throws where the browser cannot. */
export async function decode(file) {
  const context = new OfflineAudioContext(1, 1, 48_000);
  return new DecodedSound(await context.decodeAudioData(await file.arrayBuffer()));
}

class DecodedSound extends EventTarget {
  src = "here"; // nothing is to be loaded
  #at = 0; // where it stands while it is paused
  #context = null; // there while it plays
  #source = null;
  #began = 0; // of the context's time
  #timer = 0;

  constructor(buffer) {
    super();
    this.buffer = buffer;
  }

  get duration() {
    return this.buffer.duration;
  }

  get paused() {
    return !this.#context;
  }

  get currentTime() {
    const played = this.#context ? this.#context.currentTime - this.#began : 0;
    return Math.min(this.duration, this.#at + played);
  }

  set currentTime(seconds) {
    const isOn = !this.paused;
    this.#halt();
    this.#at = Math.min(this.duration, Math.max(0, seconds));
    if (isOn) this.#go();
  }

  async play() {
    if (!this.paused) return;
    this.#go();
    this.#tell("play");
  }

  pause() {
    if (this.paused) return;
    const at = this.currentTime;
    this.#halt();
    this.#at = at;
    this.#tell("pause");
  }

  #go() {
    this.#context = new AudioContext();
    this.#began = this.#context.currentTime;
    this.#source = this.#context.createBufferSource();
    this.#source.buffer = this.buffer;
    this.#source.connect(this.#context.destination);
    this.#source.onended = () => {
      this.pause();
      this.#at = 0;
      this.#tell("ended");
    };
    this.#source.start(0, this.#at);
    this.#timer = setInterval(() => this.#tell("timeupdate"), TOLD_EVERY);
  }

  #halt() {
    clearInterval(this.#timer);
    if (this.#source) this.#source.onended = null;
    this.#context?.close();
    this.#context = this.#source = null;
  }

  #tell(type) {
    this.dispatchEvent(new Event(type));
  }
}
