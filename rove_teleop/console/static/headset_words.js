// What the operator reads, in the page and inside the headset: one title, a few lines, one colour.

import { guideLine, isNumber, words } from "./dom.js";

const CONTROL_SILENT_S = 1.0;
const WHO = { human: "YOU DRIVE", policy: "POLICY", hold: "HOLD", stop: "STOPPED", rewind: "REWINDING" };
const COLOURS = { human: "#ffb454", policy: "#5aa9ff", hold: "#a79bf2", stop: "#ff6161", rewind: "#d58be8" };
const NOBODY = "#8390a3";

export const WAITING = { title: "–", phase: "", reason: "Not connected.", guide: "", alarm: "", colour: NOBODY };

export function wordsOf(state) {
  const silent = !isNumber(state.status_age_s) || state.status_age_s > CONTROL_SILENT_S;
  return {
    title: silent ? "–" : WHO[state.authority] ?? words(state.authority).toUpperCase(),
    phase: silent ? "" : words(state.phase).toUpperCase(),
    reason: silent ? "Control is silent." : state.reason ?? "",
    guide: guideLine(state.calibration),
    alarm: warning(state) ?? (silent ? "" : state.alarm ?? ""),
    colour: silent ? NOBODY : COLOURS[state.authority] ?? NOBODY,
  };
}

function warning(state) {
  if (state.lease === "other") return "Another headset is in use.";
  if (state.lease === "yours" && !state.operator_listens) return "The operator's process does not listen.";
  return state.trouble || null;
}
