// The scorecards of the last handovers. Steps are of one control tick: "direct" is what switching at once would have
// commanded, "command" is the largest that was sent.

import { $, fixed, isNumber, make, words } from "./dom.js";

// A filter that works ends exactly at the limit, give or take the last bits of a number.
const AT_LIMIT = 1.001;

const mrad = (rad) => (isNumber(rad) ? fixed(1000 * rad, rad < 0.1 ? 1 : 0, " mrad") : "–");

let drawnHandovers = "";

export function drawHandovers(handovers) {
  const newest = handovers.slice(-5).reverse();
  const key = JSON.stringify(newest);
  if (key === drawnHandovers) return;
  drawnHandovers = key;
  $("handovers").replaceChildren(...newest.map(makeHandover));
  $("no-handovers").hidden = newest.length > 0;
}

function makeHandover(card) {
  const cells = [words(card.episode), words(card.kind), fixed(card.time_to_authority_s, 2, " s"),
    mrad(card.direct_step_rad), mrad(card.peak_command_step_rad), "", fixed(card.score, 0)];
  const row = make("tr");
  row.append(...cells.map((text) => make("td", "", text)));
  row.children[1].className = String(card.kind ?? "");
  row.children[5].append(...makeJerk(card.peak_jerk_ratio));
  row.children[6].className = !isNumber(card.score) ? "" : card.score >= 80 ? "good" : card.score >= 50 ? "fair" : "poor";
  return row;
}

function makeJerk(ratio) {
  if (!isNumber(ratio)) return ["–"];
  const meter = make("span", ratio > AT_LIMIT ? "meter over" : "meter");
  const fill = make("i");
  fill.style.width = `${100 * Math.min(Math.max(ratio, 0), 1)}%`;
  meter.append(fill);
  return [`${(100 * ratio).toFixed(0)} %`, meter];
}
