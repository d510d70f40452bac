"""What an operator is: calibrate."""

from __future__ import annotations

import argparse
import json
import signal
import sys
from typing import Any

from .arguments import port


def add(subparsers: Any) -> None:
    """The commands of this file and their arguments."""
    command = subparsers.add_parser("calibrate", help="measure an operator's hands and arms, half a minute, guided")
    add = command.add_argument
    add("name", nargs="?", help="of the operator, for --operator-name of a session")
    add("--operator", metavar="DEVICE", help="as for collect; replay:FILE measures a recorded person")
    add("--robot", default="iron_r01", help="whose hands the residuals are for (default %(default)s)")
    add("--only", choices=("hands", "arms"), help="leave the rest out")
    add("--list", action="store_true", help="who is remembered")
    add("--show", action="store_true", help="what is remembered of NAME")
    add("--headless", action="store_true", help="no page, guided in the terminal only")
    add("--console-port", type=port, default=8080, help="0 takes a free one (default %(default)s)")
    add("--headset-host", default="", help="address of the page of --operator webxr, as for collect")
    add("--headset-port", type=port, default=8443, help="0 takes a free one (default %(default)s)")
    add("--json", action="store_true", help="print the profile as JSON, everything else on stderr")
    command.set_defaults(run=calibrate)


def calibrate(options: argparse.Namespace) -> int:
    """Measure an operator, guided; or list and show those that are remembered."""
    from rich.console import Console

    from ..operators.calibration_report import show_profile
    from ..operators.profile_store import profile_names

    terminal = Console(width=None if sys.stdout.isatty() else 140, stderr=options.json)
    if options.list:
        names = profile_names()
        print(json.dumps({"operators": names}) if options.json else "\n".join(names) or "nobody is calibrated")
        return 0
    content = _remembered(options) if options.show else _measured(options, terminal)
    if options.json:
        print(json.dumps(content))
    else:
        show_profile(content, terminal)
    return 0


def _remembered(options: argparse.Namespace) -> dict[str, Any]:
    from ..errors import UsageError
    from ..operators.profile_store import load_profile
    from ..operators.profiles import content_of

    profile = load_profile(options.name or "")
    if profile is None:
        raise UsageError(f"{options.name} has not been calibrated: rove calibrate {options.name} --operator DEVICE")
    return content_of(profile)


def _measured(options: argparse.Namespace, terminal: Any) -> dict[str, Any]:
    """The profile that the guide has saved."""
    from ..errors import UsageError
    from ..operators.calibration_report import StepView
    from ..operators.guided_calibration import CalibrationOptions, GuidedCalibration

    if not options.name or not options.operator:
        raise UsageError("rove calibrate needs the name of the operator, and --operator, the device to measure with")
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    asked = CalibrationOptions(
        name=options.name,
        operator=options.operator,
        robot=options.robot,
        only=options.only or "",
        console_port=None if options.headless else options.console_port,
        headset_host=options.headset_host,
        headset_port=options.headset_port,
    )
    with GuidedCalibration(asked) as calibration:
        for what, url in (("guide", calibration.console_url), ("in the headset's browser", calibration.headset_url)):
            if url:
                terminal.print(f"{what}: {url}", highlight=False)
        with StepView(terminal) as view:
            for message in calibration.messages():
                view.show(message)
    terminal.print(f"saved: {message['path']}", highlight=False)
    content: dict[str, Any] = message["profile"]
    return content
