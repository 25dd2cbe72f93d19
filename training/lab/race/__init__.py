"""Heed's training beside TRL's: the same model, the same pairs, the same threads, one sitting."""
