// The guided calibration: what the operator is asked to do now, large enough to read from where they stand, and in the
// end what it is worth in millimetres.

import { $, fixed, isNumber, make, setText } from "./dom.js";

const FINGERS = ["thumb", "index", "middle", "ring", "little"];
const HEADS = ["finger", "length", "spread", "touches at", "robot's tip off by", "its pinch off by"];

let drawnProfile = "";

export function drawCalibration(calibration = {}) {
  const { title, text, hint, step, steps, left_s, progress } = calibration;
  const card = $("calibration");
  card.hidden = !title;
  if (!title) return;
  const place = isNumber(step) ? `calibration · step ${step} of ${steps}` : "calibration";
  setText($("calibration-step"), place);
  setText($("calibration-title"), title);
  setText($("calibration-text"), text ?? "");
  setText($("calibration-hint"), hint ?? "");
  setText($("calibration-left"), left_s > 0 ? fixed(Math.ceil(left_s), 0, " s") : "");
  card.querySelector(".progress i").style.width = `${isNumber(progress) ? 100 * progress : 0}%`;
  drawProfile(calibration.profile ?? {});
}

function drawProfile(profile) {
  const key = JSON.stringify(profile);
  if (key === drawnProfile) return;
  drawnProfile = key;
  const hands = Object.keys(profile.hands ?? {});
  $("calibration-hands").replaceChildren(...hands.map((side) => makeHand(side, profile)));
}

function makeHand(side, profile) {
  const table = make("table");
  table.dataset.testid = `calibration-${side}`;
  const caption = make("caption", "", `${side} hand, mm (in brackets: without this calibration)`);
  const head = make("tr");
  head.append(...HEADS.map((name) => make("th", "", name)));
  const hand = profile.hands[side];
  const residuals = profile.residuals?.[side] ?? {};
  table.append(caption, head, ...FINGERS.map((finger, k) => makeFinger(finger, k, hand, residuals[finger] ?? {})));
  return table;
}

function makeFinger(finger, k, hand, residual) {
  const pair = (key) =>
    isNumber(residual[`${key}_mm`]) ? `${fixed(residual[`${key}_mm`], 1)} (${fixed(residual[`${key}_before_mm`], 1)})` : "";
  const touch = k === 0 ? "" : fixed(hand.touch_mm[k - 1], 1);
  const cells = [finger, fixed(hand.finger_mm[k], 1), fixed(hand.spread_mm[k], 1), touch, pair("tip"), pair("pinch")];
  const row = make("tr");
  row.append(...cells.map((text) => make("td", "", text)));
  return row;
}
