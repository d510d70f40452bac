"""Run by test_overlay: python edit_worker.py DATASET EPISODE AUTHOR COUNT adds COUNT notes, as fast as it can."""

import sys
from pathlib import Path

from rove_teleop.episodes.edit.edits import NoteEdit
from rove_teleop.episodes.edit.overlay_files import commit_revision
from rove_teleop.episodes.find import find_episode

root, episode_id, author, count = Path(sys.argv[1]), sys.argv[2], sys.argv[3], int(sys.argv[4])
episode = find_episode(root, episode_id)
print("ready", flush=True)
sys.stdin.readline()
for number in range(count):
    commit_revision(root, episode, author, [NoteEdit(f"{author} {number}")])
