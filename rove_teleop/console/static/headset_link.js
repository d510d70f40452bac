// What goes over the wire: frames out, the session's state in. On both ways only the newest counts.

const PROTOCOL = "rove-headset-1";
const ASK_EVERY_MS = 50;
// Without an answer for this long the network is stuck: more frames would only queue up and arrive as the past.
const STUCK_MS = 250;
const RETRY_MS = 1000;

export class HeadsetLink {
  // onState(state) for every state; onLink("connected" | "lost" | "refused").
  constructor(onState, onLink) {
    this.onState = onState;
    this.onLink = onLink;
    this.socket = null;
    this.dropped = 0;
    this.asked_ms = this.answered_ms = null;
    setInterval(() => this.ask(), ASK_EVERY_MS);
  }

  // Only a code that was taken once is tried again by itself: guesses are counted at the other end.
  open(code) {
    let taken = false;
    const socket = new WebSocket(`wss://${location.host}/headset`, [PROTOCOL, code]);
    socket.onopen = () => {
      taken = true;
      this.everTaken = code;
      this.asked_ms = null;
      this.onLink("connected");
    };
    socket.onmessage = (message) => {
      this.asked_ms = null;
      this.answered_ms = performance.now();
      this.onState(JSON.parse(message.data));
    };
    socket.onclose = () => {
      if (this.socket !== socket) return;
      const again = taken || this.everTaken === code;
      this.onLink(again ? "lost" : "refused");
      if (again) setTimeout(() => this.socket === socket && this.open(code), RETRY_MS);
    };
    this.socket = socket;
  }

  get isOpen() {
    return this.socket !== null && this.socket.readyState === WebSocket.OPEN;
  }

  ask() {
    const now_ms = performance.now();
    if (!this.isOpen || this.asked_ms !== null || now_ms - (this.answered_ms ?? 0) < ASK_EVERY_MS) return;
    this.asked_ms = now_ms;
    this.socket.send("state");
  }

  send(frame) {
    const stuck = this.asked_ms !== null && performance.now() - this.asked_ms > STUCK_MS;
    if (!this.isOpen || stuck || this.socket.bufferedAmount > frame.byteLength) {
      this.dropped += 1;
      return;
    }
    this.socket.send(frame);
  }
}
