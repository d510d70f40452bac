"""Read a recorded episode with plain zarr: who drove, how far the robot was from its command.

    python examples/01_read_an_episode.py datasets/demo/episodes/ID.zarr

Needs zarr and numpy, nothing of rove_teleop.
"""

import sys

import numpy as np
import zarr

AUTHORITY = {0: "hold", 1: "policy", 2: "human", 3: "stop", 4: "rewind"}


def main(path: str) -> None:
    episode = zarr.open_group(path, mode="r")
    about = dict(episode.attrs)
    print(f"{about['task']} by {about['operator']}: {about['outcome']} ({about['status']}); {about['notes']}")
    drivers, ticks = np.unique(episode["control/authority"][:], return_counts=True)
    for driver, count in zip(drivers.tolist(), ticks.tolist(), strict=True):
        print(f"{AUTHORITY[driver]:>7}: {count / about['control_hz']:.1f} s")
    error_rad = np.abs(episode["control/q_sent_rad"][:] - episode["control/q_measured_rad"][:])
    worst = int(np.nanargmax(np.nanmax(error_rad, axis=0)))
    print(f"largest following error: {np.nanmax(error_rad):.3f} rad at {about['joint_names'][worst]}")


if __name__ == "__main__":
    main(sys.argv[1])
