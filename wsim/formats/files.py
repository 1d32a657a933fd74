"""Files read whole and written whole: nothing half-written, every error names the file."""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from wsim.errors import FormatError, nearest

MAX_JSON_BYTES = 2**30
_GZIP = b"\x1f\x8b"


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a temporary path to write to; it takes the place of `path` once all went well.

    Parent folders are created. If anything fails, an older file stays as it was.
    """
    temporary: Path | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(
            prefix=f".{path.name[:80]}.", suffix=".tmp", dir=path.parent
        )
        os.close(handle)
        temporary = Path(name)
        yield temporary
        temporary.chmod(0o666 & ~_umask())
        temporary.replace(path)
    except OSError as error:
        raise FormatError(
            f"cannot write {path}: {error.strerror or error};"
            " choose a folder that exists, can be written and has room"
        ) from error
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def read_bytes(path: Path, limit: int | None = None) -> bytes:
    """Return the content of a file of at most `limit` bytes."""
    try:
        size = path.stat().st_size
        if limit is not None and size > limit:
            raise FormatError(
                f"{path}: {size / 2**30:.1f} GB of JSON do not fit in memory as Python objects"
                f" (limit {limit / 2**30:.0f} GB); record to .parquet or .jsonl, or split the file"
            )
        content = path.read_bytes()
        return _gunzipped(path, content) if content[:2] == _GZIP else content
    except OSError as error:
        raise FormatError(f"cannot read {path}: {error.strerror or error}{_near(path)}") from error


def _gunzipped(path: Path, content: bytes) -> bytes:
    """Return what a .gz file holds; a cut file gives what comes before the cut."""
    unzip = zlib.decompressobj(wbits=31)
    try:
        found = unzip.decompress(content, MAX_JSON_BYTES)
    except zlib.error as error:
        raise FormatError(f"{path}: damaged gzip data: {error}") from None
    if unzip.unconsumed_tail:
        raise FormatError(f"{path}: more than {MAX_JSON_BYTES} bytes when unpacked")
    return found


def _near(path: Path) -> str:
    try:
        names = [other.name for other in path.parent.iterdir() if not other.name.startswith(".")]
    except OSError:
        return ""
    return nearest(path.name, names)


def read_json(path: Path) -> Any:
    """Return the parsed content of a JSON file.

    Raises
    ------
    FormatError
        Says where the text stops being JSON, and whether the file looks cut.
    """
    content = read_bytes(path, MAX_JSON_BYTES)
    try:
        return json.loads(content.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise FormatError(f"{path}: not UTF-8 text (byte {error.start}); is it JSON?") from None
    except json.JSONDecodeError as error:
        raise _not_json(path, error) from None
    except RecursionError:
        raise FormatError(f"{path}: JSON nested too deeply to be a history") from None
    except ValueError as error:
        raise FormatError(f"{path}: JSON that cannot be read: {error}") from None


def _not_json(path: Path, error: json.JSONDecodeError) -> FormatError:
    rest = error.doc[error.pos :].strip()
    if not error.doc.strip():
        return FormatError(f"{path}: the file is empty; export the history again")
    if not rest or error.msg.startswith("Unterminated"):
        fix = "the file is cut short; export it again (a .jsonl recording survives a cut)"
    else:
        fix = f"found {rest[:20]!r}; the suffix says JSON, is the content something else?"
    return FormatError(f"{path}: line {error.lineno}, column {error.colno}: {error.msg}; {fix}")
