"""Make a model of 45 million random parameters, whose steps cost time: larger_model.py TINY_MODEL FOLDER.

Run by the Python of vLLM's environment. With the tiny model most of an answer's time is spent around the engine; with
this one it is the engine that takes time, as on a GPU, so that a model of step times can be held against it.
"""

import sys
from pathlib import Path

import torch  # type: ignore[import-not-found]
from transformers import AutoTokenizer, Qwen3Config, Qwen3ForCausalLM  # type: ignore[import-not-found]

WIDTH = 512
LAYERS = 12
HEADS = 8
CONTEXT_TOKENS = 2048


def main() -> None:
    """Write model and tokenizer."""
    tokenizer = AutoTokenizer.from_pretrained(sys.argv[1])
    folder = Path(sys.argv[2])
    torch.manual_seed(7)
    shape = Qwen3Config(
        vocab_size=-(-len(tokenizer) // 64) * 64,
        hidden_size=WIDTH,
        intermediate_size=4 * WIDTH,
        num_hidden_layers=LAYERS,
        num_attention_heads=HEADS,
        num_key_value_heads=HEADS // 2,
        head_dim=WIDTH // HEADS,
        max_position_embeddings=CONTEXT_TOKENS,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        tie_word_embeddings=True,
    )
    tokenizer.save_pretrained(folder)
    Qwen3ForCausalLM(shape).to(torch.bfloat16).save_pretrained(folder)


if __name__ == "__main__":
    main()
