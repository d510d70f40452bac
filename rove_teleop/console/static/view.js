// What the page draws. Every text goes in as text, never as HTML; a value that is missing is drawn as a dash.

import { $, fixed, isNumber, make, setText, words } from "./dom.js";
import { soundAlarm } from "./alarm_sound.js";
import { drawCalibration } from "./calibration.js";
import { drawHandovers } from "./handovers.js";
import { drawTimeline } from "./timeline.js";

const CONTROL_SILENT_S = 1.0;
// The band moves a dozen pixels a second: drawing it with every state would be most of the page's work.
const TIMELINE_EVERY = 4;
const ANSWER_SHOWN_MS = 10_000;
const GROUPS = ["left_arm", "right_arm", "left_hand", "right_hand", "neck", "waist"];

export function makeButtons(commands, press) {
  const buttons = new Map();
  for (const [name, label, key] of commands) {
    const button = make("button", name);
    button.type = "button";
    button.disabled = true;
    button.dataset.testid = `button-${name}`;
    button.ariaLabel = label;
    button.ariaKeyShortcuts = key;
    button.append(make("span", "", label), make("kbd", "", key === "Escape" ? "Esc" : key));
    button.addEventListener("click", () => press(name, label));
    buttons.set(name, button);
    $("buttons").append(button);
  }
  buttons.get("stop").title = "Ask control to stop the robot. The emergency stop of the robot itself comes first.";
  return buttons;
}

export function makeCameraTabs(names, choose) {
  if (names.length < 2) return;
  const tabs = names.map((name) => make("button", "", name));
  const select = (index) => {
    tabs.forEach((tab, i) => { tab.ariaPressed = String(i === index); });
    choose(names[index]);
  };
  tabs.forEach((tab, index) => tab.addEventListener("click", () => select(index)));
  $("cameras").replaceChildren(...tabs);
  select(0);
}

let states = 0;

export function drawState(state, buttons) {
  const { status, session, status_age_s: age_s } = state;
  const live = isNumber(age_s) && age_s <= CONTROL_SILENT_S;
  drawWho(status);
  drawBanners(status, session, age_s, state.operator?.trouble);
  drawCalibration(state.calibration);
  if (states++ % TIMELINE_EVERY === 0) drawTimeline(state.timeline);
  drawWeights(status);
  drawSession(status, session);
  finished ||= state.calibration?.ended === true;
  drawHandovers(session.handovers ?? []);
  drawHealth(status, state.operator?.refused ?? {});
  drawLastEvent(state.events);
  drawButtons(buttons, live ? status.allowed ?? [] : []);
  document.body.classList.toggle("silent", !live && isNumber(age_s));
  $("link").classList.toggle("live", live);
  setText($("link"), live ? "live" : isNumber(age_s) ? "silent" : "waiting");
}

// STOP is never taken away: whether a stop makes sense is for control to say, not for a page that may be wrong.
function drawButtons(buttons, allowed) {
  for (const [name, button] of buttons) button.disabled = name !== "stop" && !allowed.includes(name);
}

let finished = false;

// The console itself is silent: nothing on the page is true any more, and the page says so.
export function drawSilence(silent_s, buttons) {
  if (silent_s === null) return;
  document.body.classList.add("silent");
  $("link").classList.remove("live");
  setText($("link"), "lost");
  const lost = `Connection lost: no word from the console for ${silent_s.toFixed(0)} s. What you see is old.`;
  setText($("lost"), finished ? "The session has ended. Its report is in the terminal." : lost);
  $("lost").hidden = false;
  drawButtons(buttons, []);
}

function drawWho(status) {
  document.body.dataset.authority = status.authority ?? "none";
  document.body.dataset.state = status.state ?? "none";
  document.body.dataset.phase = status.phase ?? "unlabelled";
  setText($("authority"), words(status.authority).toUpperCase());
  setText($("phase"), words(status.phase).toUpperCase());
  setText($("state"), words(status.state));
  setText($("reason"), status.reason ?? "Waiting for the control process.");
  const alignment = status.alignment;
  const off = `${words(alignment?.worst_joint)} off by ${degrees(alignment?.error_rad)}`;
  setText($("alignment"), alignment ? (alignment.aligned ? "aligned" : off) : "–");
}

function drawBanners(status, session, age_s, trouble) {
  const silent = isNumber(age_s) && age_s > CONTROL_SILENT_S;
  const recording = session.recording ?? "ok";
  const lost = silent ? `Control has been silent for ${age_s.toFixed(0)} s. What you see is old.` : null;
  const alarm = recording === "ok" ? status.alarm : `Recording: ${recording}`;
  soundAlarm(alarm);
  for (const [element, text] of [[$("lost"), lost], [$("alarm"), alarm], [$("operator"), trouble]]) {
    element.hidden = !text;
    setText(element, text ?? "");
  }
}

const degrees = (rad) => (isNumber(rad) ? `${((rad * 180) / Math.PI).toFixed(0)}°` : "?");

// While the robot waits for the operator to match its pose, each group says how far they are apart.
function drawWeights({ weight = {}, alignment, takeover_groups: taken, state }) {
  const waiting = state === "paused" || state === "hold";
  const box = $("weights");
  if (!box.children.length) box.append(...GROUPS.map(makeWeight));
  GROUPS.forEach((group, index) => {
    const share = weight[group];
    const row = box.children[index];
    const pose = waiting ? alignment?.groups?.[group] : undefined;
    const far = pose && !pose.aligned ? `${words(pose.worst_joint)} off by ${degrees(pose.error_rad)}` : "aligned";
    row.classList.toggle("off", pose?.aligned === false);
    row.classList.toggle("kept", Array.isArray(taken) && !taken.includes(group));
    row.title = row.classList.contains("kept") ? "A takeover leaves this group to the policy." : "";
    setText(row.querySelector("b"), pose ? far : isNumber(share) ? `${(100 * share).toFixed(0)} %` : "–");
    row.querySelector("i").style.width = `${isNumber(share) ? 100 * share : 0}%`;
    row.querySelector(".bar").ariaValueNow = isNumber(share) ? String(Math.round(100 * share)) : null;
  });
}

function makeWeight(group) {
  const row = make("div", "weight");
  row.dataset.testid = `weight-${group}`;
  const bar = make("div", "bar");
  bar.role = "meter";
  bar.ariaLabel = `share of the human, ${words(group)}`;
  bar.append(make("i"));
  row.append(make("span", "", words(group)), make("b"), bar);
  return row;
}

function drawSession(status, session) {
  finished = session.finished === true;
  const count = (value) => (isNumber(value) ? String(value) : "–");
  const planned = session.episodes_planned;
  setText($("task"), session.task ?? "");
  setText($("instruction"), session.instruction ?? "");
  setText($("episode"), isNumber(planned) ? `${count(status.episode)} of ${planned}` : count(status.episode));
  setText($("elapsed"), fixed(status.elapsed_s, 1, " s"));
  setText($("episodes"), isNumber(planned) ? `${count(session.episodes_done)}/${planned}` : count(session.episodes_done));
  setText($("successes"), count(session.successes));
  setText($("takeovers"), count(session.takeovers));
  setText($("lost-ticks"), count(session.ticks_lost));
  $("lost-ticks-tile").classList.toggle("bad", session.ticks_lost > 0);
  setText($("note"), session.note ?? "");
  const facts = [
    ["policy", session.policy?.split("/").at(-1)], ["operator", session.operator],
    ["protocol", session.protocol], ["takeover", session.takeover],
  ];
  setText($("session-facts"), facts.filter(([, value]) => value).map((fact) => fact.join(" ")).join("  ·  "));
}

// How far the policy, which goes on predicting, is from the person who drives: the group in which it is most.
function worstOf(rms_rad = {}) {
  const [group, rad] = Object.entries(rms_rad).sort((one, other) => other[1] - one[1])[0] ?? [];
  return group ? `${degrees(rad)}, ${words(group)}` : "–";
}

// label, text, whether a person should look at it
function drawHealth(status, refused) {
  const age = (label, age_s, limit_s) => [label, isNumber(age_s) ? fixed(1000 * age_s, 0, " ms") : "–", age_s > limit_s];
  const rows = [
    age("operator", status.operator_age_s, 0.25),
    age("policy", status.policy_age_s, 1.5),
    ["policy differs by", worstOf(status.disagreement_rad), false],
    ["frames refused", fixed(Object.values(refused).reduce((sum, count) => sum + count, 0), 0), false],
    ["jitter p99", fixed(status.jitter_us?.p99, 0, " µs"), status.jitter_us?.p99 > 4000],
    ["ticks missed", fixed(status.missed_ticks, 0), false],
    ["rows waiting", fixed(status.rows_waiting, 0), status.rows_waiting > 250],
    ["rows dropped", fixed(status.rows_dropped, 0), status.rows_dropped > 0],
  ];
  const box = $("health");
  if (!box.children.length) {
    box.append(...rows.map(([label]) => {
      const row = make("div");
      row.append(make("dt", "", label), make("dd"));
      return row;
    }));
  }
  rows.forEach(([, text, warn], index) => {
    setText(box.children[index].lastChild, text);
    box.children[index].className = warn ? "warn" : "";
  });
  box.title = Object.entries(refused).map(([reason, count]) => `${words(reason)}: ${count}`).join("\n");
}

// The scorecards are in the table, and the reason is on top: what is left is how the state came to this.
function drawLastEvent(events) {
  const last = events.filter((event) => event.kind !== "handover").at(-1);
  const text = !last ? "" : last.kind === "state" ? words(last.detail) : `${words(last.kind)}: ${words(last.detail)}`;
  setText($("event"), text.replace("->", "→"));
}

let pictureUrl = null;

export function drawPicture({ name, blob, age_s }) {
  const picture = $("picture");
  $("no-picture").hidden = blob !== null;
  if (blob === null) return;
  const old = pictureUrl;
  pictureUrl = URL.createObjectURL(blob);
  picture.src = pictureUrl;
  picture.alt = `camera ${name}`;
  setText($("camera-name"), name);
  picture.hidden = false;
  picture.dataset.ageS = String(age_s);
  if (old !== null) URL.revokeObjectURL(old);
}

let forgetting = null;

export function drawAnswer(text, accepted) {
  $("answer").classList.toggle("refused", !accepted);
  setText($("answer"), text);
  clearTimeout(forgetting);
  forgetting = setTimeout(() => setText($("answer"), ""), ANSWER_SHOWN_MS);
}
