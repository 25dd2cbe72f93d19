"""The shapes in which preference data comes in and goes out. Nothing here knows Django or the database."""
