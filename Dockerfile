# syntax=docker/dockerfile:1
# Every image of Oblivion, from this one file; see images/README.md.
#   docker build --build-arg SERVICE=ingestion -t oblivion/ingestion:0.1.0 .
ARG PYTHON_IMAGE=python:3.11-slim
# platform: services. client: agents, which know the SDK and nothing of the platform.
ARG FOUNDATION=platform
ARG SITE=/opt/oblivion/lib/python3.11/site-packages

FROM ${PYTHON_IMAGE} AS python
RUN python -m venv --without-pip /opt/oblivion \
 && useradd --uid 10001 --user-group --home-dir /tmp --no-create-home --shell /usr/sbin/nologin oblivion
ENV PATH=/opt/oblivion/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 HOME=/tmp

# What of the lock is asked for. Stages below see these files alone, so other packages' changes do not reach them.
FROM ${PYTHON_IMAGE} AS locked
ARG FOUNDATION
ARG SERVICE
WORKDIR /source
COPY requirements.lock ./
COPY images ./images
RUN mkdir /locked && for list in build $FOUNDATION $SERVICE; do \
      python images/locked.py images/packages/$list.txt requirements.lock > /locked/$list.lock; done

FROM python AS installer
ARG PIP_INDEX_URL
ENV PIP_NO_COMPILE=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore
RUN mkdir /packages
COPY images/trim.py /usr/local/bin/trim

FROM installer AS foundation-packages
ARG FOUNDATION
COPY --from=locked /locked/${FOUNDATION}.lock /locked/
RUN --mount=type=cache,target=/root/.cache/pip --mount=type=secret,id=pip,target=/run/secrets/pip \
    [ ! -e /run/secrets/pip ] || export PIP_CONFIG_FILE=/run/secrets/pip; \
    pip install --cache-dir /root/.cache/pip --no-deps --require-hashes --target /packages -r /locked/${FOUNDATION}.lock \
 && trim /packages && python -m compileall -q -j 0 --invalidation-mode unchecked-hash /packages

FROM python AS foundation
ARG SITE
COPY --from=foundation-packages /packages ${SITE}

FROM installer AS service-packages
ARG SERVICE
COPY --from=locked /locked/${SERVICE}.lock /locked/
RUN --mount=type=cache,target=/root/.cache/pip --mount=type=secret,id=pip,target=/run/secrets/pip \
    [ ! -e /run/secrets/pip ] || export PIP_CONFIG_FILE=/run/secrets/pip; \
    if [ -s /locked/${SERVICE}.lock ]; then \
      pip install --cache-dir /root/.cache/pip --no-deps --require-hashes --target /packages -r /locked/${SERVICE}.lock; \
    fi && trim /packages && python -m compileall -q -j 0 --invalidation-mode unchecked-hash /packages

FROM installer AS code
COPY --from=locked /locked/build.lock /locked/
RUN --mount=type=cache,target=/root/.cache/pip --mount=type=secret,id=pip,target=/run/secrets/pip \
    [ ! -e /run/secrets/pip ] || export PIP_CONFIG_FILE=/run/secrets/pip; \
    pip install --cache-dir /root/.cache/pip --no-deps --require-hashes --target /build -r /locked/build.lock
WORKDIR /source
COPY libs ./libs
COPY services ./services
COPY images ./images
ARG SERVICE
# `service` starts the service of the image, `oblivion` is the command line; an image without either shows Python.
# `healthy` is asked by Docker.
RUN mkdir /programs && for folder in $(python images/locked.py --members images/packages/${SERVICE}.txt .); do \
      PYTHONPATH=/build pip wheel --quiet --no-deps --no-index --no-build-isolation --wheel-dir /wheels ./$folder || exit 1; \
    done \
 && pip install --no-deps --no-index --target /packages /wheels/*.whl \
 && rm -rf /packages/bin && python -m compileall -q -j 0 --invalidation-mode unchecked-hash /packages \
 && module=oblivion_$(echo ${SERVICE} | tr - _) \
 && if [ -e /packages/$module/__main__.py ]; then printf '#!/bin/sh\nexec python -m %s "$@"\n' $module; \
    else printf '#!/bin/sh\nexec python "$@"\n'; fi > /programs/service \
 && if [ $SERVICE = cli ]; then cp /programs/service /programs/oblivion \
      && printf '#!/bin/sh\nexec oblivion --help >/dev/null\n' > /programs/healthy; \
    else cp images/healthy.py /programs/healthy; fi && chmod 755 /programs/*

FROM foundation AS service
ARG PYTHON_IMAGE
ARG SITE
ARG SERVICE
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="oblivion-${SERVICE}" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.base.name="${PYTHON_IMAGE}" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=service-packages /packages ${SITE}
COPY --from=code /packages ${SITE}
COPY --from=code /programs /opt/oblivion/bin
USER 10001:10001
WORKDIR /tmp
EXPOSE 8080
ENV PORT=8080
CMD ["service"]

# For `skaffold dev`: our code may be overwritten where it stands, and the service starts again when it is.
FROM service AS development
ARG SITE
USER root
RUN chown -R 10001:10001 ${SITE}/oblivion_* && find ${SITE}/oblivion_* -name '*.pyc' -delete
USER 10001:10001
CMD ["sh", "-c", "exec python -m watchfiles --filter python --sigint-timeout 20 service /opt/oblivion/lib/python3.11/site-packages"]

# For Docker; in a cluster the charts' probes ask for GET /health/live and /health/ready.
FROM service AS platform-image
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s CMD ["healthy"]

# An agent listens on no port: the gateway knows whether it is connected.
FROM service AS client-image

FROM ${FOUNDATION}-image
