"""Learning from a policy's own fresh responses: rollouts, how they are ranked, and the pairs they give."""
