# The image of operator and monitor, on any image with Python 3.11. What is copied here, `make image` puts below
# build/image: where the base image has HAProxy, the build itself needs no network.
ARG BASE=python:3.11-slim
FROM ${BASE}
ENV PYTHONPATH=/opt/serinus/serinus:/opt/serinus/dependencies PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1

# The proxy beside models.
RUN ["python3", "-c", "import shutil, subprocess as s; shutil.which('haproxy') or [s.run(['apt-get', *c], check=True) for c in (['update'], ['install', '-y', '--no-install-recommends', 'haproxy'])]"]
# No installer stays. Everything is compiled now, for the root file system is read-only where this runs.
RUN ["python3", "-c", "import shutil, sysconfig; shutil.rmtree(sysconfig.get_path('purelib'), ignore_errors=True)"]
RUN ["python3", "-m", "compileall", "-q", "--invalidation-mode=unchecked-hash", "/usr/lib/python3.11", "/usr/local/lib/python3.11"]

COPY build/image/dependencies /opt/serinus/dependencies
RUN ["python3", "-m", "compileall", "-q", "--invalidation-mode=unchecked-hash", "/opt/serinus/dependencies"]
COPY build/image/serinus /opt/serinus/serinus
RUN ["python3", "-m", "compileall", "-q", "--invalidation-mode=unchecked-hash", "/opt/serinus/serinus"]

USER 65532:65532
ENTRYPOINT ["python3", "-P", "-m", "serinus"]
