"""Where the keys of an S3 store come from: the environment, else the file that every S3 tool shares."""

from __future__ import annotations

import configparser
import os
from pathlib import Path

from ..errors import UsageError


def s3_settings() -> dict[str, str]:
    """What the store's client does not read by itself: keys of a profile, the region, and the endpoint's scheme.

    The environment's own keys win. A machine in a cloud may have neither; its role is asked for then.

    Raises:
        UsageError: ``AWS_PROFILE`` names a profile that is not in the file, or the file cannot be read.
    """
    settings = {"region": os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or "us-east-1"}
    return settings if os.environ.get("AWS_ACCESS_KEY_ID") else settings | _profile()


def _profile() -> dict[str, str]:
    wanted = os.environ.get("AWS_PROFILE")
    path = Path(os.environ.get("AWS_SHARED_CREDENTIALS_FILE") or "~/.aws/credentials").expanduser()
    file = configparser.ConfigParser(interpolation=None)
    try:
        file.read(path, encoding="utf-8")
    except (configparser.Error, OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: cannot be read ({error})") from error
    name = wanted or "default"
    if not file.has_section(name):
        if wanted:
            raise UsageError(f"{path}: has no profile '{wanted}', which AWS_PROFILE names")
        return {}
    keys = {"aws_access_key_id": "access_key_id", "aws_secret_access_key": "secret_access_key"}
    keys["aws_session_token"] = "session_token"
    return {ours: file[name][theirs] for theirs, ours in keys.items() if theirs in file[name]}
