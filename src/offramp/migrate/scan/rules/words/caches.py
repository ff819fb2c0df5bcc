"""Rules about caches of answers, and gates of quality: what they say, with examples."""

from offramp.migrate.scan.rules.rule import Example, Rule

THIN_CACHE_KEY = Rule(
    id="OFF060",
    title="A cache key of the prompt alone",
    level="warning",
    why="""\
The same prompt to another model, with another temperature, other tools or for another tenant is another question. A
key that holds only the prompt answers one customer with what was written for another, and keeps an old model's
answers after the model was changed.""",
    mend="""\
Hash the whole request in a canonical form, model and parameters and tools, together with the tenant. offramp's
cache is keyed by tenant, route and body.""",
    bad=(
        Example(
            path="cache.py",
            text="""\
import hashlib


def ask(client, cache, prompt):
    key = hashlib.sha256(prompt.encode()).hexdigest()
    if key not in cache:
        cache[key] = client.responses.create(model="gpt-5.5", input=prompt).output_text
    return cache[key]
""",
        ),
        Example(
            path="cache.ts",
            text="""\
const key = createHash("sha256").update(prompt).digest("hex");
const known = await cache.get(key);
const answer = known ?? (await client.responses.create({ model: "gpt-5.5", input: prompt })).output_text;
""",
        ),
    ),
    good=(
        Example(
            path="cache.py",
            text="""\
import hashlib
import json


def ask(client, cache, tenant, request):
    key = hashlib.sha256(json.dumps([tenant, request], sort_keys=True).encode()).hexdigest()
    if key not in cache:
        cache[key] = client.responses.create(**request).output_text
    return cache[key]
""",
        ),
        Example(
            path="cache.ts",
            text="""\
const key = createHash("sha256").update(JSON.stringify([tenant, model, prompt])).digest("hex");
const known = await cache.get(key);
const answer = known ?? (await client.responses.create({ model, input: prompt })).output_text;
""",
        ),
    ),
)

ONE_THRESHOLD = Rule(
    id="OFF061",
    title="A semantic cache with one threshold",
    level="note",
    why="""\
*How do I delete my account* and *how do I not delete my account* lie closer together than two honest paraphrases.
No single similarity parts right from wrong answers for all kinds of questions: what is saved is paid in wrong
answers that nobody counts.""",
    mend="""\
Measure the share of wrong hits on your own pairs, per kind of question, before a threshold is switched on; check a
hit with a second look (numbers, names, negations); keep to exact keys where a wrong answer is dear.""",
    bad=(
        Example(
            path="semantic_cache.py",
            text="""\
def lookup(cache, question):
    best = max(cache.entries, key=lambda entry: cosine_similarity(entry.vector, question.vector))
    similarity = cosine_similarity(best.vector, question.vector)
    if similarity > 0.95:
        return best.answer
    return None
""",
        ),
    ),
    good=(
        Example(
            path="search.py",
            text="""\
def related(pages, question):
    return [page for page in pages if cosine_similarity(page.vector, question.vector) > 0.8]
""",
        ),
    ),
)

BARE_GATE = Rule(
    id="OFF062",
    title="A quality gate without margin or sample size",
    level="note",
    why="""\
Whether the candidate's score is above the incumbent's on the questions at hand is, near equality, a toss-up: with
100 questions a candidate that is five points worse (85 % against 90 %) passes every sixth time. The gate says
*ship* with no idea how sure that is.""",
    mend="""\
Fix a margin beforehand, compare in pairs, and ask whether the lower bound of the difference is above minus the
margin. With a margin of two points and every tenth pair differing that takes about 1,500 pairs.""",
    bad=(
        Example(
            path="gate.py",
            text="""\
def gate(candidate_accuracy, baseline_accuracy):
    if candidate_accuracy >= baseline_accuracy:
        return "ship"
    return "stay"
""",
        ),
    ),
    good=(
        Example(
            path="gate.py",
            text="""\
def gate(interval, margin):
    if interval.low > -margin:
        return "ship"
    return "stay" if interval.high < -margin else "undecided"
""",
        ),
    ),
)

RULES = (
    THIN_CACHE_KEY,
    ONE_THRESHOLD,
    BARE_GATE,
)
