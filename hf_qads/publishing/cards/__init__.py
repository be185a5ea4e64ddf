"""Cards of what a run publishes. Each is a pure function of facts: the same facts, the same bytes."""
