// Small words for the document. A value that is missing or not finite is shown as a dash.

export const $ = (id) => document.getElementById(id);

export const isNumber = (value) => typeof value === "number" && Number.isFinite(value);
export const fixed = (value, digits, unit = "") => (isNumber(value) ? value.toFixed(digits) + unit : "–");
export const words = (value) => (value === undefined || value === null ? "–" : String(value).replaceAll("_", " "));

// What the calibration asks of the operator now, as one line; empty when there is none.
export function guideLine({ title, hint, text, progress } = {}) {
  return [title, hint, text, isNumber(progress) ? `${Math.round(100 * progress)} %` : ""].filter(Boolean).join(" · ");
}

export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

export function make(tag, className = "", text = "") {
  const element = document.createElement(tag);
  if (className) element.className = className;
  if (text) element.textContent = text;
  return element;
}
