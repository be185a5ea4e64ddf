"""From a run folder to a report, cards and repositories on the Hub."""
