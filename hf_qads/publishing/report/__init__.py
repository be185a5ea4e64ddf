"""The HTML report: tables, figures, style."""
