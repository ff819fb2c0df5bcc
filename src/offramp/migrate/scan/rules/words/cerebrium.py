"""Rules about `cerebrium.toml`: what they say, with examples."""

from offramp.migrate.scan.rules.rule import Example, Rule

OPEN_TO_ALL = Rule(
    id="OFF040",
    title="A deployment that asks nobody who they are",
    level="error",
    why="""\
`disable_auth = true` puts the model on the internet without a key: whoever finds the address uses the GPU at your
expense, and the bill is by the second.""",
    mend="Take the line out; send the project's token, from offramp's upstream, so that applications never hold it.",
    bad=(Example(path="cerebrium.toml", text='[cerebrium.deployment]\nname = "llama"\ndisable_auth = true\n'),),
    good=(Example(path="cerebrium.toml", text='[cerebrium.deployment]\nname = "llama"\ndisable_auth = false\n'),),
)

UNPINNED = Rule(
    id="OFF041",
    title="Whatever version is newest",
    level="warning",
    why="""\
`latest` is another engine at every build: chat templates, defaults, flags and the format of tool calls change
between versions, and nobody can go back to the one that worked.""",
    mend="""\
Name the version that was tested, such as `vllm = "==0.32.0"` or `vllm/vllm-openai:v0.32.0`.""",
    bad=(
        Example(path="cerebrium.toml", text='[cerebrium.dependencies.pip]\nvllm = "latest"\npydantic = "latest"\n'),
        Example(path="Dockerfile", text="FROM vllm/vllm-openai:latest\n"),
        Example(
            path="compose.yaml",
            text="""\
services:
  model:
    image: vllm/vllm-openai
    command: --model Qwen/Qwen2.5-0.5B-Instruct --api-key ${KEY} --generation-config vllm
    healthcheck: {test: [CMD, curl, -f, http://localhost:8000/health]}
""",
        ),
    ),
    good=(
        Example(
            path="cerebrium.toml", text='[cerebrium.dependencies.pip]\nvllm = "==0.32.0"\npydantic = ">=2.12,<3"\n'
        ),
        Example(path="Dockerfile", text="FROM vllm/vllm-openai:v0.32.0\n"),
    ),
)

LITTLE_MEMORY = Rule(
    id="OFF042",
    title="Less memory than the model's weights",
    level="warning",
    why="""\
The weights pass through the host's memory on their way to the GPU. With less memory than they take, loading swaps
or is killed, and each try to start is billed.""",
    mend="""\
Ask for at least the size of the weights (parameters × bytes per parameter) and a few GB for everything else.""",
    bad=(
        Example(
            path="cerebrium.toml",
            text="""\
[cerebrium.hardware]
compute = "AMPERE_A10"
memory = 12.0

[cerebrium.runtime.custom]
port = 8000
entrypoint = ["vllm", "serve", "meta-llama/Llama-3.1-8B-Instruct", "--generation-config", "vllm"]
healthcheck_endpoint = "/health"
readycheck_endpoint = "/health"
""",
        ),
    ),
    good=(
        Example(
            path="cerebrium.toml",
            text="""\
[cerebrium.hardware]
compute = "AMPERE_A10"
memory = 24.0

[cerebrium.runtime.custom]
port = 8000
entrypoint = ["vllm", "serve", "meta-llama/Llama-3.1-8B-Instruct", "--generation-config", "vllm"]
healthcheck_endpoint = "/health"
readycheck_endpoint = "/health"
""",
        ),
    ),
)

ONE_AT_A_TIME = Rule(
    id="OFF043",
    title="A batching engine that gets one request at a time",
    level="warning",
    why="""\
A GPU that decodes for one request spends its time reading weights; it could do so for dozens at nearly the same
speed, which is what vLLM is for. `replica_concurrency = 1` switches that off, and with more replicas each request
in flight rents a GPU of its own.""",
    mend="""\
Set `replica_concurrency` to what the KV cache holds (`offramp plan --gpu … --own-model …` works it out), such as
32.""",
    bad=(
        Example(
            path="cerebrium.toml",
            text="""\
[cerebrium.scaling]
max_replicas = 5
replica_concurrency = 1

[cerebrium.dependencies.pip]
vllm = "==0.32.0"
""",
        ),
    ),
    good=(
        Example(
            path="cerebrium.toml",
            text="""\
[cerebrium.scaling]
max_replicas = 5
replica_concurrency = 32

[cerebrium.dependencies.pip]
vllm = "==0.32.0"
""",
        ),
        Example(
            path="images/cerebrium.toml",
            text="""\
[cerebrium.scaling]
replica_concurrency = 1

[cerebrium.dependencies.pip]
diffusers = "==0.35.0"
""",
        ),
    ),
)

SLIM_IMAGE = Rule(
    id="OFF044",
    title="A slim base image below a GPU engine",
    level="warning",
    why="""\
vLLM and Triton compile kernels when they start. A slim image has neither compiler nor CUDA libraries: the engine
fails at its first start, or installs what it lacks at each one.""",
    mend="Use a CUDA image, or better vLLM's own image through `dockerfile_path`.",
    bad=(
        Example(
            path="cerebrium.toml",
            text="""\
[cerebrium.deployment]
name = "llama"
docker_base_image_url = "debian:bookworm-slim"

[cerebrium.hardware]
compute = "AMPERE_A10"

[cerebrium.dependencies.pip]
vllm = "==0.32.0"
""",
        ),
    ),
    good=(
        Example(
            path="cerebrium.toml",
            text="""\
[cerebrium.deployment]
name = "llama"
docker_base_image_url = "nvidia/cuda:12.8.1-devel-ubuntu22.04"

[cerebrium.hardware]
compute = "AMPERE_A10"

[cerebrium.dependencies.pip]
vllm = "==0.32.0"
""",
        ),
        Example(
            path="cpu/cerebrium.toml",
            text="""\
[cerebrium.deployment]
name = "router"
docker_base_image_url = "debian:bookworm-slim"

[cerebrium.hardware]
compute = "CPU"
""",
        ),
    ),
)

NO_CHECKS = Rule(
    id="OFF045",
    title="A runtime without health or readiness check",
    level="warning",
    why="""\
Without `readycheck_endpoint` a replica gets traffic while it still loads its weights, without
`healthcheck_endpoint` one whose engine died keeps it. Both look to a client like a model that hangs.""",
    mend="""\
Name both: `healthcheck_endpoint = "/health"` and `readycheck_endpoint = "/health"` for vLLM.""",
    bad=(
        Example(
            path="cerebrium.toml",
            text="""\
[cerebrium.runtime.custom]
port = 8000
entrypoint = ["vllm", "serve", "Qwen/Qwen2.5-0.5B-Instruct", "--generation-config", "vllm"]
""",
        ),
    ),
    good=(
        Example(
            path="cerebrium.toml",
            text="""\
[cerebrium.runtime.custom]
port = 8000
entrypoint = ["vllm", "serve", "Qwen/Qwen2.5-0.5B-Instruct", "--generation-config", "vllm"]
healthcheck_endpoint = "/health"
readycheck_endpoint = "/health"
""",
        ),
    ),
)

SESSION_TOKEN = Rule(
    id="OFF046",
    title="A session's token used as a key",
    level="warning",
    why="""\
A token that was copied from a dashboard's session carries a person's rights and an end: on that day every request
is refused, and whoever reads the file until then is that person.""",
    mend="Make a service account or project key, give it to the gateway only, and keep it in a secret store.",
    bad=(
        Example(
            path=".env",
            text="CEREBRIUM_API_KEY=eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJtZSIsImV4cCI6MTc2NDAwMDAwMH0.c2lnbmF0dXJlLW5vdC1yZWFs\n",
        ),
    ),
    good=(
        Example(
            path=".env",
            text="CEREBRIUM_API_KEY=eyJhbGciOiJIUzI1NiJ9.eyJwcm9qZWN0SWQiOiJwLTEyMyJ9.c2lnbmF0dXJlLW5vdC1yZWFs\n",
        ),
    ),
)

RULES = (
    OPEN_TO_ALL,
    UNPINNED,
    LITTLE_MEMORY,
    ONE_AT_A_TIME,
    SLIM_IMAGE,
    NO_CHECKS,
    SESSION_TOKEN,
)
