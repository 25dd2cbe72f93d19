"""The shell of Heed: settings, the database's lifecycle, the supervisor and live updates. No feedback logic, no learning."""
