"""The catalog's file: found, made, made anew where it is damaged, or replaced by memory where it cannot be written."""

from __future__ import annotations

import fcntl
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import fields
from pathlib import Path
from typing import TypeVar

from ..dataset import Dataset
from ..record.journal import crc32c
from .catalog_row import CatalogRow

FILE_NAME, LOCK_NAME = "catalog.sqlite", ".catalog.lock"
VERSION = 4
"""Of what the values mean; a row with other columns is another version by itself."""
Result = TypeVar("Result")
_DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR)
"""Answers of a file that is not this catalog; a full disk or a lock of somebody else is no reason to throw it away."""

COLUMNS = tuple(field.name for field in fields(CatalogRow))
_TYPES = {"str": "TEXT", "int": "INTEGER", "float": "REAL"}
_CREATE = "CREATE TABLE episode ({})".format(
    ", ".join(f"{f.name} {_TYPES[str(f.type)]}{' PRIMARY KEY' if f.name == 'id' else ''}" for f in fields(CatalogRow))
)
_VERSION = crc32c(f"{VERSION} {_CREATE}".encode()) & 0x7FFF_FFFF
_INDEXED = ("task", "outcome", "operator", "policy_id", "begun_s", "overlay_mark")


def with_catalog(root: Path, work: Callable[[sqlite3.Connection], Result]) -> Result:
    """``work`` with the catalog: on disk where that can be written, and made anew there where it is damaged."""
    Dataset.open(root)
    path = root / FILE_NAME
    try:
        lock = (root / LOCK_NAME).open("a")
    except OSError:
        return _in_memory(path, work)
    with lock:
        # Nobody else writes it meanwhile: a file may be replaced only while no other process writes the old one.
        fcntl.flock(lock, fcntl.LOCK_EX)
        for _ in range(2):
            try:
                with closing(sqlite3.connect(path, isolation_level=None)) as connection:
                    return work(_prepared(connection))
            except sqlite3.DatabaseError as error:
                if getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) not in _DAMAGED:
                    break
                for suffix in ("", "-wal", "-shm"):
                    path.with_name(path.name + suffix).unlink(missing_ok=True)
        return _in_memory(path, work)


def _in_memory(path: Path, work: Callable[[sqlite3.Connection], Result]) -> Result:
    """``work`` with a copy of the file's rows where they can be read, else with no rows at first."""
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        try:
            with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro&immutable=1", uri=True)) as file:
                file.backup(connection)
            return work(_prepared(connection))
        except sqlite3.DatabaseError:
            with closing(sqlite3.connect(":memory:", isolation_level=None)) as empty:
                return work(_prepared(empty))


def _prepared(connection: sqlite3.Connection) -> sqlite3.Connection:
    """Readers beside one writer; the table of this version, empty where there was none or another."""
    connection.execute("PRAGMA journal_mode = WAL")
    # After a power cut the catalog may be older than the episodes; the next refresh sees to that.
    connection.execute("PRAGMA synchronous = NORMAL")
    if connection.execute("PRAGMA user_version").fetchone() != (_VERSION,):
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("DROP TABLE IF EXISTS episode")
        connection.execute("DROP TABLE IF EXISTS folder")
        connection.execute(_CREATE)
        connection.execute("CREATE TABLE folder (mark TEXT)")
        for column in _INDEXED:
            connection.execute(f"CREATE INDEX episode_{column} ON episode ({column})")
        connection.execute(f"PRAGMA user_version = {_VERSION}")
        connection.execute("COMMIT")
    return connection
