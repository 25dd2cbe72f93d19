"""What keeps a reward model honest: strength of labels, bounds, blends, contrast, samples of the policy itself."""
