"""The built-in policy: a tiny real language model, made from text that this package writes itself."""
