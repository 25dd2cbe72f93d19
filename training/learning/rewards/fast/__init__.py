"""The fast posterior: 256 frozen numbers of a response, and a Bayesian head that learns a judgment in a moment."""
