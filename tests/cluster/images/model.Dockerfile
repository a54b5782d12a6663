# A model server: the packages it asks for, its files, and what it has learned.
ARG BASE=python:3.11-slim
FROM ${BASE}
ENV PYTHONPATH=/opt/dependencies PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
RUN ["python3", "-m", "compileall", "-q", "--invalidation-mode=unchecked-hash", "/usr/lib/python3.11", "/usr/local/lib/python3.11"]
COPY dependencies /opt/dependencies
RUN ["python3", "-m", "compileall", "-q", "--invalidation-mode=unchecked-hash", "/opt/dependencies"]
COPY model /opt/model
WORKDIR /opt/model
RUN ["python3", "-c", "import os, runpy; os.path.exists('train.py') and runpy.run_path('train.py', run_name='__main__')"]
USER 65532:65532
ENTRYPOINT ["python3", "server.py"]
