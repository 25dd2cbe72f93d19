"""A directory as a zip archive, streamed: nothing is written to disk and no file is held in memory whole."""

import zipfile
from collections.abc import Iterator
from pathlib import Path

CHUNK = 1 << 20


class _Outlet:
    """A file that only forwards: zipfile writes to it, the generator takes what has gathered."""

    def __init__(self) -> None:
        self.parts: list[bytes] = []
        self.place = 0

    def write(self, data: bytes) -> int:
        """Take what zipfile writes."""
        self.parts.append(bytes(data))
        self.place += len(data)
        return len(data)

    def tell(self) -> int:
        """How much was written."""
        return self.place

    def flush(self) -> None:
        """Nothing to do: what gathered is taken by `take`."""

    def take(self) -> bytes:
        """What gathered since the last call."""
        data, self.parts = b"".join(self.parts), []
        return data


def zip_stream(directory: Path, name: str) -> Iterator[bytes]:
    """The archive's bytes: every file of `directory`, under a folder `name`. Weights do not compress: stored."""
    outlet = _Outlet()
    with zipfile.ZipFile(outlet, "w", zipfile.ZIP_STORED) as archive:  # type: ignore[call-overload]
        for path in sorted(directory.rglob("*")):
            if not path.is_file():
                continue
            entry = zipfile.ZipInfo.from_file(path, f"{name}/{path.relative_to(directory)}")
            with path.open("rb") as source, archive.open(entry, "w", force_zip64=True) as target:
                while data := source.read(CHUNK):
                    target.write(data)
                    yield outlet.take()
    yield outlet.take()
