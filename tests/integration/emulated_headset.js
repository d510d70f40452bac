// A headset in the browser for the tests: IWER's emulation of a Quest 3, with hands that a test may put anywhere.
{
  const device = new IWER.XRDevice(IWER.metaQuest3);
  // Chromium has a navigator.xr of its own, which knows no headset.
  device.installRuntime({ forceInstall: true });
  device.primaryInputMode = "hand";
  const inner = (space) =>
    space[Object.getOwnPropertySymbols(space).find((name) => String(name).includes("xr-space"))];

  globalThis.headset = {
    device,
    // A hand trembles: the gate refuses one whose every bit stays the same for half a second as frozen.
    tremble_m: 2e-4,
    // joints: 25 column-major matrices in the headset's space.
    placeHand(side, joints) {
      const hand = device.hands[side];
      // Called with each frame: else the emulation's own repertoire of poses comes back.
      hand.updateHandPose = () => {};
      hand.updateTargetRaySpace = () => {
        const up_m = this.tremble_m * (Math.random() - 0.5);
        inner(hand.inputSource.targetRaySpace).offsetMatrix.set([1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, up_m, 0, 1]);
      };
      [...hand.inputSource.hand.values()].forEach((joint, k) => inner(joint).offsetMatrix.set(joints[k]));
    },
    // The emulation calls every grip a guess, as a headset does with a controller behind the operator's back.
    seeGrips(seen) {
      for (const { inputSource } of Object.values(device.controllers)) inner(inputSource.gripSpace).emulated = !seen;
    },
    useControllers() {
      device.primaryInputMode = "controller";
      this.seeGrips(true);
    },
    press(side, button, value) {
      device.controllers[side].updateButtonValue(button, value);
    },
  };
}
