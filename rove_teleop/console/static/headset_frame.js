// One frame as rove_teleop/tracking/webxr.py reads it. Typed arrays have the machine's byte order, which on every
// headset is the frame's: little-endian.

const FRAME_BYTES = 1532;
const VERSION = 1;
const JOINTS = 1;
const CONTROLLER = 2;

// Where things are: bytes of the head of the frame, then indices of float32.
const VERSION_AT = 4;
const VISIBLE_AT = 5;
const KIND_AT = { left: 6, right: 7 };
const STREAM_AT = 8;
const SEQUENCE_AT = 12;
const SPACE_AT = 16;
const CAPTURE_AT = 24;
const HEAD = 8;
const HAND = { left: 15, right: 199 };
const SQUEEZE = 0;
const TRIGGER = 1;
const GRIP = 2;
const FIRST_JOINT = 9;
const POSE = 7;

const TRIGGER_BUTTON = 0;
const SQUEEZE_BUTTON = 1;

export class FrameWriter {
  constructor() {
    this.buffer = new ArrayBuffer(FRAME_BYTES);
    this.view = new DataView(this.buffer);
    this.numbers = new Float32Array(this.buffer);
    this.sequence = 0;
    // A page that was loaded anew counts from one again: this tells it from the one before.
    this.stream = crypto.getRandomValues(new Uint32Array(1))[0];
  }

  // The bytes of what the headset knows at this frame; good until the next call.
  write(time_ms, frame, space, resets) {
    this.begin(time_ms, resets, frame.session.visibilityState === "visible");
    this.pose(HEAD, frame.getViewerPose(space));
    for (const source of frame.session.inputSources) {
      if (!(source.handedness in HAND)) continue;
      if (source.hand) this.joints(source, frame, space);
      else if (source.gripSpace && source.gamepad) this.controller(source, frame, space);
    }
    return this.buffer;
  }

  // The bytes that say that nobody is there any more.
  writeGone(time_ms, resets) {
    this.begin(time_ms, resets, false);
    return this.buffer;
  }

  begin(time_ms, resets, visible) {
    this.sequence += 1;
    this.numbers.fill(NaN);
    new Uint8Array(this.buffer, 0, CAPTURE_AT).fill(0);
    new TextEncoder().encodeInto("RVXR", new Uint8Array(this.buffer));
    this.view.setUint8(VERSION_AT, VERSION);
    this.view.setUint8(VISIBLE_AT, visible ? 1 : 0);
    this.view.setUint32(STREAM_AT, this.stream, true);
    this.view.setUint32(SEQUENCE_AT, this.sequence, true);
    this.view.setUint32(SPACE_AT, resets, true);
    this.view.setFloat64(CAPTURE_AT, time_ms, true);
  }

  joints(source, frame, space) {
    const first = HAND[source.handedness] + FIRST_JOINT;
    this.view.setUint8(KIND_AT[source.handedness], JOINTS);
    let index = 0;
    for (const joint of source.hand.values()) this.pose(first + POSE * index++, frame.getJointPose(joint, space));
  }

  controller(source, frame, space) {
    if (this.view.getUint8(KIND_AT[source.handedness]) === JOINTS) return;
    const hand = HAND[source.handedness];
    const buttons = source.gamepad.buttons;
    this.view.setUint8(KIND_AT[source.handedness], CONTROLLER);
    this.numbers[hand + SQUEEZE] = buttons[SQUEEZE_BUTTON]?.value ?? 0;
    this.numbers[hand + TRIGGER] = buttons[TRIGGER_BUTTON]?.value ?? 0;
    this.pose(hand + GRIP, frame.getPose(source.gripSpace, space));
  }

  // A position that the headset only guesses stays unknown.
  pose(at, pose) {
    if (!pose || pose.emulatedPosition) return;
    const { position: p, orientation: q } = pose.transform;
    this.numbers.set([p.x, p.y, p.z, q.x, q.y, q.z, q.w], at);
  }
}
