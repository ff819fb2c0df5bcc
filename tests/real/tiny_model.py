"""Make a tiny chat model with random weights, so that a real vLLM has something to serve: tiny_model.py FOLDER.

Run by the Python of vLLM's environment; nothing is downloaded. It answers nonsense, but with a real tokenizer, a real
chat template that knows tools, and real constrained decoding. About 0.15 million parameters, 0.4 MB.
"""

import random
import string
import sys
from collections.abc import Iterator
from pathlib import Path

import torch  # type: ignore[import-not-found]
from tokenizers import Tokenizer  # type: ignore[import-not-found]
from tokenizers.decoders import ByteLevel as ByteLevelDecoder  # type: ignore[import-not-found]
from tokenizers.models import BPE  # type: ignore[import-not-found]
from tokenizers.pre_tokenizers import ByteLevel  # type: ignore[import-not-found]
from tokenizers.trainers import BpeTrainer  # type: ignore[import-not-found]
from transformers import PreTrainedTokenizerFast, Qwen3Config, Qwen3ForCausalLM  # type: ignore[import-not-found]

CONTEXT_TOKENS = 2048
VOCABULARY = 1024
HEADS = 2
HEAD_WIDTH = 32
LAYERS = 2

START, END, PADDING = "<|im_start|>", "<|im_end|>", "<|endoftext|>"
TOOL_MARKS = ["<tool_call>", "</tool_call>"]

# ChatML, with the functions named in a system message and calls in the form that the parser `hermes` reads.
TEMPLATE = """
{%- macro turn(role, text) %}<|im_start|>{{ role }}
{{ text }}<|im_end|>
{% endmacro %}
{%- if tools %}{{ turn('system', 'You may call: ' ~ (tools | tojson)) }}{% endif %}
{%- for message in messages %}
{%- if message.tool_calls %}
{%- set calls = namespace(text=message.content or '') %}
{%- for call in message.tool_calls %}
{%- set body = {'name': call.function.name, 'arguments': call.function.arguments} | tojson %}
{%- set calls.text = calls.text ~ '<tool_call>' ~ body ~ '</tool_call>' %}
{%- endfor %}{{ turn(message.role, calls.text) }}
{%- else %}{{ turn(message.role, message.content or '') }}{% endif %}
{%- endfor %}
{%- if add_generation_prompt %}<|im_start|>assistant
{% endif %}"""


def sentences(count: int = 600) -> Iterator[str]:
    """Text to learn letters, common syllables and the look of JSON from."""
    chance = random.Random(7)  # noqa: S311 - the same text on every machine
    words = ["".join(chance.choices(string.ascii_lowercase, k=chance.randint(2, 8))) for _ in range(150)]
    for number in range(count):
        line = " ".join(chance.choices(words, k=10))
        yield f"{line.capitalize()}."
        yield f'{{"name": "{chance.choice(words)}", "arguments": {{"{chance.choice(words)}": {number}, "ok": true}}}}'


def make_tokenizer() -> PreTrainedTokenizerFast:
    """A byte-level tokenizer: any text can be asked, none is unknown."""
    bare = Tokenizer(BPE())
    bare.pre_tokenizer = ByteLevel(add_prefix_space=False)
    bare.decoder = ByteLevelDecoder()
    trainer = BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=[PADDING, START, END, *TOOL_MARKS],
        initial_alphabet=ByteLevel.alphabet(),
        show_progress=False,
    )
    bare.train_from_iterator(sentences(), trainer)
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=bare,
        bos_token=PADDING,
        eos_token=END,
        pad_token=PADDING,
        model_max_length=CONTEXT_TOKENS,
        clean_up_tokenization_spaces=False,
    )
    tokenizer.chat_template = TEMPLATE.strip("\n")
    return tokenizer


def make_model(tokenizer: PreTrainedTokenizerFast) -> Qwen3ForCausalLM:
    """Weights by chance, the same on every machine."""
    torch.manual_seed(7)
    shape = Qwen3Config(
        vocab_size=-(-len(tokenizer) // 64) * 64,
        hidden_size=HEADS * HEAD_WIDTH,
        intermediate_size=2 * HEADS * HEAD_WIDTH,
        num_hidden_layers=LAYERS,
        num_attention_heads=HEADS,
        num_key_value_heads=HEADS,
        head_dim=HEAD_WIDTH,
        max_position_embeddings=CONTEXT_TOKENS,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        tie_word_embeddings=True,
    )
    return Qwen3ForCausalLM(shape).to(torch.bfloat16)


def main() -> None:
    """Write model, tokenizer and template into the folder named on the command line."""
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer = make_tokenizer()
    tokenizer.save_pretrained(folder)
    make_model(tokenizer).save_pretrained(folder)


if __name__ == "__main__":
    main()
