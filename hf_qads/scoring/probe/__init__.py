"""The probe: a linear scorer on vectors."""
