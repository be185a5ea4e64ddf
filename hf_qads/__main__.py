"""`python -m hf_qads`, for launchers: `accelerate launch -m hf_qads run CONFIG.yaml`."""

from hf_qads.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
