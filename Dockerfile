# Two stages: the first has pip and builds, the second holds Python, the program and nothing to build with.
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

FROM ${PYTHON_IMAGE}
# Nothing that installs software stays: no pip, no setuptools, no bundled copies of them.
RUN rm -rf /usr/local/lib/python3.11/site-packages/* /usr/local/lib/python3.11/ensurepip /usr/local/bin/pip* \
 && groupadd --gid 10001 cluster-pki \
 && useradd --uid 10001 --gid cluster-pki --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin cluster-pki
COPY --from=build /opt/cluster-pki /opt/cluster-pki
# pip has compiled the modules; nothing is written beside them while the program runs.
ENV PATH=/opt/cluster-pki/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
USER 10001:10001
WORKDIR /config
ENTRYPOINT ["cluster-pki"]
CMD ["--help"]
