# Three stages: the first has pip and builds; `slim` holds Python, the program and nothing to build with; the last, which is
# what `docker build .` gives, also has what `--git` and the verification of signatures run.
ARG PYTHON_IMAGE=python:3.11.14-slim-bookworm

FROM ${PYTHON_IMAGE} AS build
WORKDIR /src
COPY pyproject.toml README.md LICENSE ./
COPY docs ./docs
COPY schemas ./schemas
COPY reconciler ./reconciler
RUN pip wheel --no-cache-dir --no-deps --wheel-dir /wheels . \
 && python -m venv --without-pip /opt/cluster-pki \
 && pip --python /opt/cluster-pki/bin/python install --no-cache-dir /wheels/*.whl

# `--target slim`: for validate, plan and apply in CI, and for `run -f` with a ConfigMap. It is about 100 MB smaller: git brings
# perl.
FROM ${PYTHON_IMAGE} AS slim
# Nothing that installs software stays: no pip, no setuptools, no bundled copies of them.
# The home of the records exists, so that a volume mounted there belongs to the right user from the start.
RUN rm -rf /usr/local/lib/python3.11/site-packages/* /usr/local/lib/python3.11/ensurepip /usr/local/bin/pip* \
 && groupadd --gid 10001 cluster-pki \
 && useradd --uid 10001 --gid cluster-pki --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin cluster-pki \
 && install -d -o 10001 -g 10001 -m 0700 /var/lib/cluster-pki
COPY --from=build /opt/cluster-pki /opt/cluster-pki
# pip has compiled the modules; nothing is written beside them while the program runs: the root file system may be read-only.
# What is written lies below the stores' roots, the state directory and, with `--git`, /tmp.
# XDG_STATE_HOME: the same place for the records, /var/lib/cluster-pki/<cluster>, whether it runs as root or not.
ENV PATH=/opt/cluster-pki/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    XDG_STATE_HOME=/var/lib
USER 10001:10001
WORKDIR /config
# No shell in between: the program is PID 1, takes SIGTERM and SIGHUP itself and waits for the children that it starts.
ENTRYPOINT ["cluster-pki"]
CMD ["--help"]
STOPSIGNAL SIGTERM
# For `run` with its default --listen; Kubernetes ignores it. http.client, because urllib would ask a proxy from the environment.
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s --retries=3 \
  CMD ["python", "-I", "-c", "import http.client as h; c = h.HTTPConnection('127.0.0.1', 9808, timeout=4); \
c.request('GET', '/healthz'); raise SystemExit(c.getresponse().status != 200)"]

FROM slim AS sidecar
USER 0:0
# git reads commits; ssh-keygen and gpg verify who signed them. Nothing else in the image is run.
RUN apt-get update \
 && apt-get install --yes --no-install-recommends git gpg openssh-client \
 && rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/log/apt /var/log/dpkg.log
USER 10001:10001
