// The page in the headset's browser: wires the link, the headset's frames, and the words in front of the operator.

import { $, setText } from "./dom.js";
import { FrameWriter } from "./headset_frame.js";
import { HeadsetLink } from "./headset_link.js";
import { Panel } from "./headset_panel.js";
import { WAITING, wordsOf } from "./headset_words.js";

const SESSION = { requiredFeatures: ["local-floor"], optionalFeatures: ["hand-tracking"] };
const ENTRANCES = [["enter-vr", "immersive-vr"], ["enter-ar", "immersive-ar"]];
const LINK_WORDS = { connected: "connected", lost: "lost", refused: "refused" };

const writer = new FrameWriter();
let says = WAITING;
let resets = 0;
let session = null;

const link = new HeadsetLink(show, (link_state) => {
  document.body.classList.toggle("silent", link_state !== "connected");
  $("link").classList.toggle("live", link_state === "connected");
  setText($("link"), LINK_WORDS[link_state]);
  $("code-form").hidden = link_state === "connected";
  if (link_state === "connected") return;
  says = { ...WAITING, reason: link_state === "lost" ? "Connection lost." : "The code was refused, or rove has ended." };
  draw();
});

function show(state) {
  says = wordsOf(state);
  document.body.dataset.authority = state.authority ?? "none";
  document.body.dataset.phase = state.phase ?? "unlabelled";
  setText($("instruction"), state.instruction ?? "");
  draw();
}

function draw() {
  for (const name of ["title", "phase", "reason", "guide", "alarm"]) setText($(name), says[name]);
}

function tell(text) {
  setText($("message"), text);
}

async function enter(mode) {
  try {
    session = await navigator.xr.requestSession(mode, SESSION);
    await stream(session);
    tell("Inside. Your hands are on their way to the robot.");
  } catch (error) {
    session?.end().catch(() => {});
    session = null;
    tell(`The headset refused: ${error.message}`);
  }
  offer(mode);
}

async function stream(inside) {
  const gl = document.createElement("canvas").getContext("webgl", { alpha: true });
  await gl.makeXRCompatible();
  const layer = new XRWebGLLayer(inside, gl);
  await inside.updateRenderState({ baseLayer: layer });
  const space = await inside.requestReferenceSpace("local-floor");
  const panel = new Panel(gl);
  // The headset has moved its origin: poses of before and after must not be compared.
  space.addEventListener("reset", () => { resets += 1; panel.place = null; });
  const gone = () => link.send(writer.writeGone(performance.now(), resets));
  inside.addEventListener("visibilitychange", () => { if (inside.visibilityState !== "visible") gone(); });
  inside.addEventListener("end", () => { leave(); gone(); });

  const onFrame = (time_ms, frame) => {
    if (session !== inside) return; // a last frame after the end must not undo the good-bye
    inside.requestAnimationFrame(onFrame);
    // Frames go first: what is drawn must not delay what drives.
    link.send(writer.write(time_ms, frame, space, resets));
    link.ask();
    panel.say(says);
    panel.draw(layer, frame.getViewerPose(space));
  };
  inside.requestAnimationFrame(onFrame);
}

function leave() {
  session = null;
  tell("Outside. The robot no longer hears you.");
  offer();
}

async function offer() {
  for (const [id, mode] of ENTRANCES) {
    $(id).disabled = session !== null || !(await navigator.xr?.isSessionSupported(mode).catch(() => false));
  }
}

function connect(code) {
  history.replaceState(null, "", `#${code}`);
  link.open(code);
}

for (const [id, mode] of ENTRANCES) $(id).addEventListener("click", () => enter(mode));

$("code-form").addEventListener("submit", (event) => {
  event.preventDefault();
  connect($("code").value.trim().toLowerCase());
});

// The page behind the session was hidden or closed: say so while there is still time.
document.addEventListener("visibilitychange", () => {
  if (document.hidden && session) link.send(writer.writeGone(performance.now(), resets));
});

await offer();
const reachable = ENTRANCES.some(([id]) => !$(id).disabled);
tell(reachable ? "Ready." : "This browser has no headset: open this page in the headset's own browser.");
if (location.hash.length > 1) connect(location.hash.slice(1));
else $("code-form").hidden = false;
