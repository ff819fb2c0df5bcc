"""Rules about model servers in containers: images, order, readiness: what they say, with examples."""

from offramp.migrate.scan.rules.rule import Example, Rule

STARTED_IS_NOT_READY = Rule(
    id="OFF050",
    title="`depends_on` takes a started model server for a ready one",
    level="warning",
    why="""\
`depends_on` waits until the container was started. A model server then still loads weights for minutes, and its
port is closed: the application comes up, fails its first requests, and stops or falls back.""",
    mend="Give the server a `healthcheck` on `/health` and depend on `condition: service_healthy`.",
    bad=(
        Example(
            path="docker-compose.yml",
            text="""\
services:
  model:
    image: vllm/vllm-openai:v0.32.0
    command: --model Qwen/Qwen2.5-0.5B-Instruct --api-key ${KEY} --generation-config vllm
    healthcheck: {test: [CMD, curl, -f, http://localhost:8000/health]}
  app:
    build: .
    depends_on:
      - model
""",
        ),
    ),
    good=(
        Example(
            path="docker-compose.yml",
            text="""\
services:
  model:
    image: vllm/vllm-openai:v0.32.0
    command: --model Qwen/Qwen2.5-0.5B-Instruct --api-key ${KEY} --generation-config vllm
    healthcheck: {test: [CMD, curl, -f, http://localhost:8000/health]}
  database:
    image: postgres:17
  app:
    build: .
    depends_on:
      model: {condition: service_healthy}
      database: {condition: service_started}
""",
        ),
    ),
)

CUDA_BASE = Rule(
    id="OFF051",
    title="vLLM installed on a bare CUDA image",
    level="note",
    why="""\
The CUDA image brings the runtime, not the driver, which comes from the host; and vLLM's wheels are built for one
CUDA version. An older base loads, and then fails on the first kernel that is compiled, or falls back to a slower
one.""",
    mend="Start from the project's own image, `vllm/vllm-openai`, at a version that you name.",
    bad=(
        Example(
            path="Dockerfile",
            text="FROM nvidia/cuda:12.1.0-runtime-ubuntu22.04\nRUN pip install vllm==0.32.0\n",
        ),
    ),
    good=(Example(path="Dockerfile", text="FROM vllm/vllm-openai:v0.32.0\n"),),
)

READY_IS_GUESSED = Rule(
    id="OFF052",
    title="Nobody asks whether the model server is ready",
    level="warning",
    why="""\
The port opens only after the weights are loaded, and a hung engine keeps it open. Without a check traffic is sent
too early after every start, and goes on being sent to an engine that answers nobody. Waiting a fixed time is too
long on good days and too short on bad ones.""",
    mend="""\
Ask `/health`: a `healthcheck` in Compose, `readinessProbe` and `startupProbe` in Kubernetes, a loop with `curl -f`
in a script.""",
    bad=(
        Example(
            path="compose.yaml",
            text="""\
services:
  model:
    image: vllm/vllm-openai:v0.32.0
    command: --model Qwen/Qwen2.5-0.5B-Instruct --api-key ${KEY} --generation-config vllm
""",
        ),
        Example(
            path="deployment.yaml",
            text="""\
apiVersion: apps/v1
kind: Deployment
metadata: {name: model}
spec:
  template:
    spec:
      containers:
        - name: model
          image: vllm/vllm-openai:v0.32.0
          args: [--model, Qwen/Qwen2.5-0.5B-Instruct, --generation-config, vllm]
          env: [{name: VLLM_API_KEY, valueFrom: {secretKeyRef: {name: model, key: key}}}]
""",
        ),
        Example(
            path="start.sh",
            text="""\
#!/bin/sh
set -eu
vllm serve Qwen/Qwen2.5-0.5B-Instruct --api-key "$KEY" --generation-config vllm &
sleep 60
exec python app.py
""",
        ),
    ),
    good=(
        Example(
            path="compose.yaml",
            text="""\
services:
  model:
    image: vllm/vllm-openai:v0.32.0
    command: --model Qwen/Qwen2.5-0.5B-Instruct --api-key ${KEY} --generation-config vllm
    healthcheck: {test: [CMD, curl, -f, http://localhost:8000/health], start_period: 5m}
""",
        ),
        Example(
            path="deployment.yaml",
            text="""\
apiVersion: apps/v1
kind: Deployment
metadata: {name: model}
spec:
  template:
    spec:
      containers:
        - name: model
          image: vllm/vllm-openai:v0.32.0
          args: [--model, Qwen/Qwen2.5-0.5B-Instruct, --generation-config, vllm]
          env: [{name: VLLM_API_KEY, valueFrom: {secretKeyRef: {name: model, key: key}}}]
          readinessProbe: {httpGet: {path: /health, port: 8000}}
""",
        ),
        Example(
            path="start.sh",
            text="""\
#!/bin/sh
set -eu
vllm serve Qwen/Qwen2.5-0.5B-Instruct --api-key "$KEY" --generation-config vllm &
until curl -sf http://127.0.0.1:8000/health; do sleep 1; done
exec python app.py
""",
        ),
    ),
)

RULES = (
    STARTED_IS_NOT_READY,
    CUDA_BASE,
    READY_IS_GUESSED,
)
