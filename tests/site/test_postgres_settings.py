"""The bundled server's settings fit the machine."""

import pytest

from alignment_site.postgres import SERVER_SETTINGS, shared_megabytes


@pytest.mark.parametrize(("gigabytes", "expected"), [(0.5, 128), (2, 256), (4, 512), (64, 512)])
def test_the_server_keeps_an_eighth_of_memory_within_bounds(gigabytes: float, expected: int) -> None:
    assert shared_megabytes(gigabytes * 2**30) == expected


def test_what_was_written_survives_a_crash_of_the_machine() -> None:
    assert not {"fsync", "full_page_writes", "synchronous_commit"} & set(SERVER_SETTINGS)
