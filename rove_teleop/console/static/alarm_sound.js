// Two short tones when an alarm appears: the supervisor may be looking at the robot and not at the page.

const TONES_HZ = [880, 660];
const TONE_S = 0.14;

let context = null;
let heard = null;
let newest = 0;

// Browsers are silent until the page was clicked or a key was pressed once; until then there is only the banner.
export function soundAlarm(alarm) {
  const fresh = Boolean(alarm) && alarm !== heard;
  heard = alarm || null;
  if (!fresh || !window.AudioContext) return;
  context ??= new AudioContext();
  const own = ++newest;
  // An alarm of before the first click waits here too: it is not made up for.
  context.resume().then(() => own === newest && TONES_HZ.forEach(play)).catch(() => {});
}

function play(frequency_hz, index) {
  const start_s = context.currentTime + index * (TONE_S + 0.03);
  const tone = new OscillatorNode(context, { frequency: frequency_hz });
  const volume = new GainNode(context, { gain: 0.2 });
  tone.connect(volume).connect(context.destination);
  tone.start(start_s);
  tone.stop(start_s + TONE_S);
}
