"""What machines did, read for pages: nouns, no decisions."""
