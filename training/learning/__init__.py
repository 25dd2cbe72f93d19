"""The learning core: torch, transformers and peft; imports no Django and works as a library."""
