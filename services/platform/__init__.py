"""What every service stands on. Imports libraries only; knows no service."""
