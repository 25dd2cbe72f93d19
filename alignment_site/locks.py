"""The classes of PostgreSQL's advisory locks: the first of a lock's two keys; the second is a project's id."""

from enum import IntEnum, unique


@unique
class LockClass(IntEnum):
    """One number for each purpose: two purposes under one number would wait for each other for ever."""

    OWNERSHIP = 0x48454501  # one worker looks after a project
    ROOTS = 0x48454502  # one transaction at a time adds roots to a project
