"""The fast posterior's owner: it learns each judgment within a second and keeps the queue's head in order."""
