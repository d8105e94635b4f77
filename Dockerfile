# 関所 Sekisho in a container.   docker build -t sekisho .   or:   docker compose up
#
# Two stages: the first checks every download against requirements.lock and compiles it; the second holds
# Python, what was installed and the four rooms: no installer, no compiler, no cache, no root.
# BASE may name the same image on your own mirror.
ARG BASE=python:3.12-slim

FROM ${BASE} AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /build
COPY requirements.lock ./
RUN python -m venv /opt/sekisho
# --no-deps: the lock holds everything, and pip cannot read the override that pyproject.toml explains.
RUN /opt/sekisho/bin/python -m pip install --require-hashes --no-deps -r requirements.lock
# The lock also pins what `make install` builds with; a server has no use for it, nor for pip.
RUN /opt/sekisho/bin/python -m pip uninstall -y uv hatchling editables pathspec pluggy tomlkit trove-classifiers pip
COPY proxy/ app/proxy/
COPY policies/ app/policies/
COPY redaction/ app/redaction/
COPY audit/ app/audit/
# Unchecked hashes: the files never change after this, so a start compares nothing and writes nothing.
RUN /opt/sekisho/bin/python -m compileall -q -j 0 --invalidation-mode unchecked-hash /opt/sekisho/lib app

FROM ${BASE} AS final
LABEL org.opencontainers.image.title="sekisho" \
      org.opencontainers.image.description="The checkpoint that every generative-AI request of a city hall passes" \
      org.opencontainers.image.licenses="Apache-2.0"
RUN groupadd --system --gid 10001 sekisho \
    && useradd --system --uid 10001 --gid sekisho --no-create-home --shell /usr/sbin/nologin sekisho \
    && install -d -o sekisho -g sekisho -m 0700 /var/lib/sekisho
COPY --from=build /opt/sekisho /opt/sekisho
COPY --from=build /build/app /app
COPY LICENSE /app/LICENSE
ENV PATH=/opt/sekisho/bin:$PATH \
    PYTHONPATH=/app \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    SEKISHO_HOME=/var/lib/sekisho
WORKDIR /app
USER 10001:10001
# Keys, ledger and the office's books. Everything else may be read-only.
VOLUME /var/lib/sekisho
EXPOSE 8080
# Ready means: it can find, decide and record. The upstream is not asked.
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s --retries=3 \
    CMD ["python", "-c", "import urllib.request as u; u.build_opener(u.ProxyHandler({})).open('http://127.0.0.1:8080/readyz', timeout=2)"]
# So that `docker exec … python -m proxy audit verify` and `docker run … settings` work as on a desk.
ENTRYPOINT ["python", "-m", "proxy"]
CMD ["serve", "--host", "0.0.0.0"]
