# Two images of one file: `runtime` runs agents, blackboard servers and runs; `operator` runs the operator.
# Both stages of each need the same Python, hence one base; any image with python3, venv, libstdc++ and CA
# certificates does.
ARG BASE_IMAGE=python:3.13-slim

FROM ${BASE_IMAGE} AS build
ENV PIP_NO_CACHE_DIR=off PIP_DISABLE_PIP_VERSION_CHECK=1 PYTHONDONTWRITEBYTECODE=1
RUN python3 -m venv --without-pip /opt/covey && python3 -m venv /opt/pip
WORKDIR /build

FROM build AS build-runtime
COPY requirements/runtime.txt ./
RUN /opt/pip/bin/pip --python /opt/covey/bin/python install --require-hashes --no-deps -r runtime.txt
COPY covey /opt/covey/app/covey
COPY agent_runtime /opt/covey/app/agent_runtime
RUN python3 -m compileall -q -j 0 /opt/covey

FROM build AS build-operator
COPY requirements/operator.txt ./
RUN /opt/pip/bin/pip --python /opt/covey/bin/python install --require-hashes --no-deps -r operator.txt
COPY agent_runtime /opt/covey/app/agent_runtime
COPY operator/covey_operator /opt/covey/app/covey_operator
RUN python3 -m compileall -q -j 0 /opt/covey

# Python looks for modules in /opt/covey only (-P): not in /tmp, where a volume may hold any file.
FROM ${BASE_IMAGE} AS runtime
COPY --from=build-runtime /opt/covey /opt/covey
ENV PYTHONPATH=/opt/covey/app PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 HOME=/tmp
WORKDIR /tmp
USER 65532:65532
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s \
  CMD ["/opt/covey/bin/python", "-P", "-m", "agent_runtime", "healthcheck"]
ENTRYPOINT ["/opt/covey/bin/python", "-P", "-m", "agent_runtime"]

FROM ${BASE_IMAGE} AS operator
COPY --from=build-operator /opt/covey /opt/covey
ENV PYTHONPATH=/opt/covey/app PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 HOME=/tmp
WORKDIR /tmp
USER 65532:65532
EXPOSE 8081
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s \
  CMD ["/opt/covey/bin/python", "-P", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8081/healthz', timeout=2)"]
ENTRYPOINT ["/opt/covey/bin/python", "-P", "-m", "covey_operator"]
