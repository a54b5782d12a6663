# The image of operator and monitor. `make image` puts what is copied here below build/image; the build asks no network.
ARG BASE=python:3.11-slim
FROM ${BASE}

# No installer stays, and nothing is compiled later: the root file system is read-only where this runs.
RUN ["python3", "-c", "import shutil, sysconfig; shutil.rmtree(sysconfig.get_path('purelib'), ignore_errors=True)"]
RUN ["python3", "-m", "compileall", "-qq", "--invalidation-mode=unchecked-hash", "/usr/lib/python3.11", "/usr/local/lib/python3.11"]

COPY build/image/dependencies /opt/serinus/dependencies
RUN ["python3", "-m", "compileall", "-q", "--invalidation-mode=unchecked-hash", "/opt/serinus/dependencies"]
COPY build/image/serinus /opt/serinus/serinus
RUN ["python3", "-m", "compileall", "-q", "--invalidation-mode=unchecked-hash", "/opt/serinus/serinus"]

ENV PYTHONPATH=/opt/serinus/serinus:/opt/serinus/dependencies PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
USER 65532:65532
ENTRYPOINT ["python3", "-P", "-m", "serinus"]
