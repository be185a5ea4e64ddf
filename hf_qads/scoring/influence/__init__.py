"""One-shot influence (Eq. 1 to 3): shared-prefix scoring of prompt rows on anchors."""
