"""The shell of Heed: settings, database, supervisor, live updates. No feedback logic, no learning."""
