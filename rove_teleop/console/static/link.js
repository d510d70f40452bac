// What goes over the wire: the newest state, the newest picture, commands. Nothing here draws.

const SILENT_S = 1.0;
const GIVE_UP_S = 4.0;
const PICTURE_PERIOD_MS = 1000 / 15;

const now_s = () => performance.now() / 1000;
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

export class StateLink {
  // onState(state) for every state; onSilence(seconds or null) four times a second.
  constructor(onState, onSilence) {
    this.onState = onState;
    this.heard_s = now_s();
    setInterval(() => {
      const silent_s = now_s() - this.heard_s;
      onSilence(silent_s > SILENT_S ? silent_s : null);
      if (silent_s > GIVE_UP_S && this.opened_s < now_s() - GIVE_UP_S) this.socket.close();
    }, 250);
  }

  open() {
    this.opened_s = now_s();
    this.socket = new WebSocket(`ws://${location.host}/ws`);
    this.socket.onmessage = (message) => {
      this.heard_s = now_s();
      this.onState(JSON.parse(message.data));
      // Asking for the next one only now is what keeps a slow page at the newest state instead of in the past.
      if (this.socket.readyState === WebSocket.OPEN) this.socket.send("next");
    };
    this.socket.onclose = () => setTimeout(() => this.open(), 500);
  }
}

// Calls onPicture({name, blob, age_s}) for every new picture of the camera that cameraName() says, and
// onPicture({name, blob: null}) when there has been none for a second.
export async function watchCamera(cameraName, onPicture) {
  let watched = null;
  let sequence = 0;
  for (;;) {
    const started_ms = performance.now();
    const name = cameraName();
    if (name !== watched) [watched, sequence] = [name, 0];
    try {
      if (name !== null) sequence = await nextPicture(name, sequence, onPicture);
    } catch (error) {
      onPicture({ name, blob: null });
      await pause(500);
    }
    await pause(Math.max(5, PICTURE_PERIOD_MS - (performance.now() - started_ms)));
  }
}

async function nextPicture(name, sequence, onPicture) {
  const url = `/camera/${encodeURIComponent(name)}.jpg?after=${sequence}`;
  const response = await fetch(url, { signal: AbortSignal.timeout(3000) });
  if (response.status !== 200) {
    onPicture({ name, blob: null });
    return sequence;
  }
  const age_s = Number(response.headers.get("X-Frame-Age-S"));
  onPicture({ name, blob: await response.blob(), age_s });
  return Number(response.headers.get("X-Frame-Sequence"));
}

export async function sendCommand(name) {
  try {
    const response = await fetch(`/api/command/${name}`, {
      method: "POST",
      headers: { "X-Rove": "1" },
      signal: AbortSignal.timeout(3000),
    });
    const answer = await response.json();
    return { accepted: response.ok, message: answer.message };
  } catch (error) {
    return { accepted: false, message: "the console did not answer" };
  }
}
