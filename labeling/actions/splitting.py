"""Giving prompts their roots, and with them their side of the held-out line.

A root's own side is a pure function of the project's salt and its text; a near-duplicate takes the side of the
root that came first. "First" needs one order, so roots of a project are added by one transaction at a time.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from django.db import connection

from alignment_site.locks import LockClass
from labeling.actions.bulk import copy_rows, reserve_ids
from labeling.measures import near_duplicates
from labeling.measures.near_duplicates import I64
from labeling.measures.splits import is_held_out, normalised, root_digest
from labeling.models import Project, PromptRoot, Split

FEW = 500  # up to here candidates come from the index, beyond it all bands are read once


@dataclass(frozen=True)
class Root:
    """A root's row, as far as a prompt needs it."""

    id: int
    split: Split


class Roots:
    """A project's roots during one transaction; a long import keeps one, so that known bands are read once."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self.by_digest: dict[str, Root] = {}
        self._known: list[tuple[int, Split]] | None = None  # of every root, in order, once all were read
        self._keys: I64 = np.zeros((0, near_duplicates.BANDS), dtype=np.int64)

    def place(self, texts: Sequence[str]) -> list[Root]:
        """The root of each text, made where it is new. Must run inside a transaction, which it makes wait for
        every other one that adds roots to this project."""
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [LockClass.ROOTS, self.project.pk])
        digests = [root_digest(text) for text in texts]
        self._look_up(digests)
        new = {digest: text for digest, text in zip(digests, texts, strict=True) if digest not in self.by_digest}
        if new:
            self._add(list(new), list(new.values()))
        return [self.by_digest[digest] for digest in digests]

    def _look_up(self, digests: Sequence[str]) -> None:
        unknown = list({digest for digest in digests if digest not in self.by_digest})
        rows = PromptRoot.objects.filter(project=self.project, digest__in=unknown)
        for digest, pk, split in rows.values_list("digest", "id", "split"):
            self.by_digest[digest] = Root(pk, Split(split))

    def _add(self, digests: list[str], texts: list[str]) -> None:
        signed = near_duplicates.signatures(texts)
        keys = near_duplicates.bands(signed)
        twins = self._stored_twins(texts, keys)
        twins_here = near_duplicates.earlier_twins(texts, keys=keys)
        ids = reserve_ids(PromptRoot, len(texts))
        splits: list[Split] = []
        for index, text in enumerate(texts):
            twin = twins.get(index)
            if twin is None and index in twins_here:
                twin = splits[twins_here[index]]
            splits.append(twin or self._own_side(text))
        rows = zip(ids, digests, texts, keys.tolist(), splits, strict=True)
        copy_rows(
            PromptRoot,
            ("id", "project", "digest", "text", "bands", "split"),
            ((pk, self.project.pk, digest, text, own, split.value) for pk, digest, text, own, split in rows),
        )
        for digest, pk, split in zip(digests, ids, splits, strict=True):
            self.by_digest[digest] = Root(pk, split)
        if self._known is not None:
            self._known += zip(ids, splits, strict=True)
            self._keys = np.concatenate((self._keys, keys))

    def _own_side(self, text: str) -> Split:
        held_out = is_held_out(salt=self.project.salt, root=text, share=self.project.held_out_share)
        return Split.HELD_OUT if held_out else Split.TRAIN

    def _stored_twins(self, texts: list[str], keys: I64) -> dict[int, Split]:
        """For each new text with a near-duplicate among the stored roots, the side of the first of those."""
        stored = self._from_index(keys) if self._known is None and len(texts) <= FEW else self._from_all(keys)
        if not stored:
            return {}
        old = PromptRoot.objects.in_bulk(stored)
        order = sorted(old)
        both = [old[pk].text for pk in order] + texts
        twins = near_duplicates.earlier_twins(both, new_from=len(order))
        return {
            later - len(order): Split(old[order[earlier]].split)
            for later, earlier in twins.items()
            if earlier < len(order)
        }

    def _from_index(self, keys: I64) -> list[int]:
        """Ids of stored roots that share a band with any of the new ones, by the index on bands."""
        rows = PromptRoot.objects.filter(project=self.project, bands__overlap=np.unique(keys).tolist())
        return list(rows.values_list("id", flat=True))

    def _from_all(self, keys: I64) -> list[int]:
        """The same from all bands, read once."""
        if self._known is None:
            rows = list(
                PromptRoot.objects.filter(project=self.project).order_by("id").values_list("id", "split", "bands")
            )
            self._known = [(pk, Split(split)) for pk, split, _ in rows]
            if rows:
                self._keys = np.array([own for _, _, own in rows], dtype=np.int64)
        shared = np.zeros(len(self._keys), dtype=bool)
        for band in range(near_duplicates.BANDS):
            shared |= np.isin(self._keys[:, band], keys[:, band])
        return [self._known[index][0] for index in np.flatnonzero(shared)]


def assign_splits(project: Project, texts: Sequence[str], *, roots: Roots | None = None) -> list[Root]:
    """The roots of prompts by their first human messages, as written. Must run inside a transaction."""
    return (roots or Roots(project)).place([normalised(text) for text in texts])
