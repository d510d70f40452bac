// The page of a session: wires the link (what arrives) to the view (what is drawn) and the buttons to commands.

import { StateLink, sendCommand, watchCamera } from "./link.js";
import { drawAnswer, drawPicture, drawSilence, drawState, makeButtons, makeCameraTabs } from "./view.js";

// name of the command, words on the button, key. Letters, so that Space and Enter keep pressing what has the focus.
const COMMANDS = [
  ["pause", "Pause", "P"],
  ["take_over", "Take over", "T"],
  ["recovered", "Recovered", "R"],
  ["give_back", "Give back", "G"],
  ["rewind", "Rewind", "W"],
  ["acknowledge", "Acknowledge", "A"],
  ["success", "Success", "S"],
  ["failure", "Failure", "F"],
  ["discard", "Discard", "D"],
  ["stop", "STOP", "Escape"],
];

let camera = null;

async function press(name, label) {
  drawAnswer(`${label} …`, true);
  const { accepted, message } = await sendCommand(name);
  // What an accepted command led to is on top of the page already; a refusal has its reason only here.
  drawAnswer(accepted ? `${label} accepted.` : `${label} refused: ${message}`, accepted);
}

const buttons = makeButtons(COMMANDS, press);

document.addEventListener("keydown", (event) => {
  if (event.repeat || event.ctrlKey || event.altKey || event.metaKey) return;
  const key = event.key.length === 1 ? event.key.toUpperCase() : event.key;
  const command = COMMANDS.find(([, , shortcut]) => shortcut === key);
  if (command && !buttons.get(command[0]).disabled) press(command[0], command[1]);
});

function show(state) {
  if (camera === null && state.cameras.length > 0) {
    camera = state.cameras[0];
    makeCameraTabs(state.cameras, (name) => { camera = name; });
  }
  drawState(state, buttons);
}

new StateLink(show, (silent_s) => drawSilence(silent_s, buttons)).open();
watchCamera(() => camera, drawPicture);
