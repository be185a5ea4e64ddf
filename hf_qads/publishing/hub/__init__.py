"""Hub repositories: staging, checking, privacy, pushing."""
