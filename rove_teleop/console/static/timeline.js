// The phases of the last minute as a band.

import { $ } from "./dom.js";

const SVG = "http://www.w3.org/2000/svg";
const WINDOW_S = 60;

// One segment is [start_ago_s, end_ago_s, phase, episode]; a line marks where an episode began.
export function drawTimeline(segments) {
  const x = (ago_s) => 600 * (1 - Math.min(ago_s, WINDOW_S) / WINDOW_S);
  const shapes = [];
  segments.forEach(([start_ago_s, end_ago_s, phase, episode], index) => {
    const rect = document.createElementNS(SVG, "rect");
    const attributes = { x: x(start_ago_s), y: 0, width: x(end_ago_s) - x(start_ago_s), height: 26, class: phase };
    for (const [name, value] of Object.entries(attributes)) rect.setAttribute(name, value);
    shapes.push(rect);
    if (index > 0 && segments[index - 1][3] !== episode) shapes.push(divider(x(start_ago_s)));
  });
  $("timeline").replaceChildren(...shapes);
}

function divider(x) {
  const line = document.createElementNS(SVG, "line");
  for (const [name, value] of Object.entries({ x1: x, x2: x, y1: 0, y2: 26 })) line.setAttribute(name, value);
  return line;
}
