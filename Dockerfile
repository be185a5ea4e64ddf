# A CUDA image with the package and its exact versions. Not built in CI: no container engine runs there; a
# test checks that every pip line below resolves against constraints.txt.
FROM nvidia/cuda:12.8.1-runtime-ubuntu24.04
RUN apt-get update \
    && apt-get install -y --no-install-recommends python3 python3-venv git \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --create-home --uid 10001 qads
USER qads
WORKDIR /home/qads/hf_qads
ENV PATH=/home/qads/venv/bin:$PATH PYTHONUNBUFFERED=1 HF_HUB_DISABLE_TELEMETRY=1
RUN python3 -m venv /home/qads/venv
COPY --chown=qads constraints.txt pyproject.toml setup.py README.md LICENSE ./
RUN pip install --no-cache-dir -c constraints.txt torch
COPY --chown=qads hf_qads hf_qads
COPY --chown=qads recipes recipes
RUN pip install --no-cache-dir -c constraints.txt '.[train]'
ENTRYPOINT ["hf-qads"]
CMD ["--help"]
