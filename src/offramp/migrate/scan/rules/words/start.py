"""Rules about how a model server is started and watched: what they say, with examples."""

from offramp.migrate.scan.rules.rule import Example, Rule

NO_EXEC = Rule(
    id="OFF047",
    title="A start script that keeps SIGTERM to itself",
    level="warning",
    why="""\
Docker and Kubernetes send SIGTERM to the script. A shell does not hand it on: the engine hears nothing, goes on for
the grace period and is then killed in the middle of its answers.""",
    mend="""\
Start the server with `exec` as the last line of the script, or name it directly as the container's command.""",
    bad=(
        Example(
            path="start.sh",
            text='#!/bin/bash\nset -eu\nvllm serve "$MODEL" --api-key "$API_KEY" --generation-config vllm\n',
        ),
    ),
    good=(
        Example(
            path="start.sh",
            text='#!/bin/bash\nset -eu\nexec vllm serve "$MODEL" --api-key "$API_KEY" --generation-config vllm\n',
        ),
    ),
)

UNQUOTED = Rule(
    id="OFF048",
    title="Unquoted variables in a start command",
    level="note",
    why="""\
A value with a space or a star becomes several arguments, an empty one becomes none: the next option is then read as
its value. The server starts with another configuration than the one that was written.""",
    mend="""\
Write `"$MODEL"`; for options that may be absent use an array, or `${OPTION:+--flag "$OPTION"}`.""",
    bad=(
        Example(
            path="start.sh",
            text="#!/bin/bash\nset -eu\nexec vllm serve $MODEL --api-key $API_KEY --generation-config vllm\n",
        ),
    ),
    good=(
        Example(
            path="start.sh",
            text='#!/bin/bash\nset -eu\nexec vllm serve "$MODEL" --api-key "$API_KEY" --generation-config vllm\n',
        ),
    ),
)

NO_SERVER_KEY = Rule(
    id="OFF049",
    title="A model server open to whoever finds it",
    level="warning",
    why="""\
Without `--api-key` vLLM answers everybody who reaches its port, and it listens on all addresses unless told
otherwise. Others then use the GPU, and read `/metrics`.""",
    mend="""\
Give `--api-key` (or set `VLLM_API_KEY`), or bind it to where only the gateway reaches it: `--host 127.0.0.1`.""",
    bad=(
        Example(
            path="start.sh",
            text="#!/bin/sh\nset -eu\nexec vllm serve Qwen/Qwen2.5-0.5B-Instruct --generation-config vllm\n",
        ),
        Example(
            path="compose.yaml",
            text="""\
services:
  model:
    image: vllm/vllm-openai:v0.32.0
    command: --model Qwen/Qwen2.5-0.5B-Instruct --generation-config vllm
    ports: ["8000:8000"]
    healthcheck: {test: [CMD, curl, -f, http://localhost:8000/health]}
""",
        ),
    ),
    good=(
        Example(
            path="start.sh",
            text='#!/bin/sh\nset -eu\nexec vllm serve Qwen/Qwen3-8B --api-key "$API_KEY" --generation-config vllm\n',
        ),
        Example(
            path="local.sh",
            text="#!/bin/sh\nset -eu\nexec vllm serve Qwen/Qwen3-8B --host 127.0.0.1 --generation-config vllm\n",
        ),
        Example(
            path="compose.yaml",
            text="""\
services:
  model:
    image: vllm/vllm-openai:v0.32.0
    command: --model Qwen/Qwen2.5-0.5B-Instruct --generation-config vllm
    environment: {VLLM_API_KEY: "${VLLM_API_KEY}"}
    ports: ["8000:8000"]
    healthcheck: {test: [CMD, curl, -f, http://localhost:8000/health]}
""",
        ),
    ),
)

NIGHTLY_RESTART = Rule(
    id="OFF053",
    title="A model server restarted by the clock",
    level="note",
    why="""\
vLLM takes its memory for the KV cache once, at the start, in blocks of one size: there is nothing that fragments
over the days. A restart by night costs minutes of outage and an empty prefix cache, and hides the fault it was
meant for.""",
    mend="Watch preemptions, queue and first-token latency, and mend what they show.",
    bad=(Example(path="crontab", text="0 3 * * * docker restart vllm\n"),),
    good=(Example(path="crontab", text="0 3 * * * /usr/local/bin/rotate-logs vllm\n"),),
)

GPU_BUSY = Rule(
    id="OFF054",
    title="A GPU's utilisation taken for load",
    level="note",
    why="""\
`utilization.gpu` says in which share of the time *any* kernel ran. It is near 100 % with one request and with
fifty; it does not tell when users begin to wait.""",
    mend="""\
Watch the engine: `vllm:num_requests_waiting`, `vllm:kv_cache_usage_perc`, `vllm:num_preemptions_total`,
`vllm:time_to_first_token_seconds`; and scale on the queue.""",
    bad=(
        Example(
            path="watch.sh",
            text="#!/bin/sh\nset -eu\nwhile :; do nvidia-smi --query-gpu=utilization.gpu --format=csv; sleep 5; done\n",
        ),
        Example(
            path="autoscaler.yaml",
            text="""\
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: model}
spec:
  metrics:
    - type: Pods
      pods: {metric: {name: DCGM_FI_DEV_GPU_UTIL}, target: {type: AverageValue, averageValue: "80"}}
""",
        ),
    ),
    good=(
        Example(
            path="watch.sh",
            text="#!/bin/sh\nset -eu\ncurl -s http://127.0.0.1:8000/metrics | grep num_requests_waiting\n",
        ),
        Example(
            path="memory.sh",
            text="#!/bin/sh\nset -eu\nnvidia-smi --query-gpu=memory.total --format=csv\n",
        ),
    ),
)

HALF_TOOL_FLAGS = Rule(
    id="OFF055",
    title="Tool calls are only half switched on",
    level="error",
    why="""\
Automatic tool choice takes two flags: `--enable-auto-tool-choice` and a `--tool-call-parser` that fits the model.
With the first alone vLLM refuses to start; with the second alone every request with `tool_choice: auto` is answered
with status 400.""",
    mend="Give both, with the parser of the model's family (`hermes`, `llama3_json`, `mistral`, `qwen3_coder` …).",
    bad=(
        Example(
            path="start.sh",
            text="""\
#!/bin/sh
set -eu
exec vllm serve Qwen/Qwen2.5-7B-Instruct --api-key "$KEY" --generation-config vllm --enable-auto-tool-choice
""",
        ),
    ),
    good=(
        Example(
            path="start.sh",
            text="""\
#!/bin/sh
set -eu
exec vllm serve Qwen/Qwen2.5-7B-Instruct --api-key "$KEY" --generation-config vllm \\
  --enable-auto-tool-choice --tool-call-parser hermes
""",
        ),
    ),
)

DEVELOPMENT_MODE = Rule(
    id="OFF056",
    title="vLLM's development mode is on",
    level="error",
    why="""\
`VLLM_SERVER_DEV_MODE=1` opens `/sleep`, `/reset_prefix_cache`, `/collective_rpc` and others: whoever reaches the
port can put the model to sleep or call functions in its workers.""",
    mend="Leave it out. Where it is needed, bind the server to loopback.",
    bad=(Example(path="Dockerfile", text="FROM vllm/vllm-openai:v0.32.0\nENV VLLM_SERVER_DEV_MODE=1\n"),),
    good=(Example(path="Dockerfile", text="FROM vllm/vllm-openai:v0.32.0\nENV VLLM_SERVER_DEV_MODE=0\n"),),
)

MODEL_DEFAULTS = Rule(
    id="OFF057",
    title="The model's own sampling defaults apply",
    level="note",
    why="""\
A model's `generation_config.json` replaces the defaults of the API: the same request without `temperature` is
answered at 0.6 or 0.7 and another `top_p` than at OpenAI, with no field that says so.""",
    mend="""\
Start with `--generation-config vllm`, unless the model's own defaults are wanted; then say so in the script.""",
    bad=(Example(path="start.sh", text='#!/bin/sh\nset -eu\nexec vllm serve "$MODEL" --api-key "$KEY"\n'),),
    good=(
        Example(
            path="start.sh",
            text='#!/bin/sh\nset -eu\nexec vllm serve "$MODEL" --api-key "$KEY" --generation-config vllm\n',
        ),
        Example(
            path="chosen.sh",
            text='#!/bin/sh\nset -eu\nexec vllm serve "$MODEL" --api-key "$KEY" --generation-config auto\n',
        ),
    ),
)

RULES = (
    NO_EXEC,
    UNQUOTED,
    NO_SERVER_KEY,
    NIGHTLY_RESTART,
    GPU_BUSY,
    HALF_TOOL_FLAGS,
    DEVELOPMENT_MODE,
    MODEL_DEFAULTS,
)
