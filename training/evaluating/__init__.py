"""Reports on reward models: of a project's judgments, and of files in published formats."""
