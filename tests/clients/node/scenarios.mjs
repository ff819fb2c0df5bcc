// What an application does with the openai package for Node.js, one scenario per line of input, one result per line of output.
// Run as: node scenarios.mjs openai-6|openai-7. The lines are those of ../openai_python.py.

import { createInterface } from "node:readline";

const package_ = process.argv[2];
const openai = await import(package_);
const { version } = JSON.parse(
  await (await import("node:fs/promises")).readFile(new URL(`node_modules/${package_}/package.json`, import.meta.url)),
);

const plainHeaders = (headers) => Object.fromEntries(headers?.entries?.() ?? []);

function facts(error) {
  return {
    class: error.constructor.name,
    status: error.status ?? null,
    message: error.message,
    code: error.code ?? null,
    type: error.type ?? null,
    param: error.param ?? null,
    request_id: error.requestID ?? null,
    headers: plainHeaders(error.headers),
  };
}

function putTogether(chunks) {
  let text = "";
  let finish = null;
  const calls = [];
  for (const choice of chunks.flatMap((chunk) => chunk.choices)) {
    text += choice.delta?.content ?? "";
    finish = choice.finish_reason ?? finish;
    for (const part of choice.delta?.tool_calls ?? []) {
      const call = (calls[part.index] ??= { id: "", name: "", arguments: "" });
      call.id += part.id ?? "";
      call.name += part.function.name ?? "";
      call.arguments += part.function.arguments ?? "";
    }
  }
  return {
    chunks: chunks.length,
    text,
    finish_reason: finish,
    calls,
    usage: chunks.filter((chunk) => chunk.usage).map((chunk) => chunk.usage),
    without_choices: chunks.filter((chunk) => chunk.choices.length === 0).length,
    models: [...new Set(chunks.map((chunk) => chunk.model))].sort(),
  };
}

const scenarios = {
  async chat(client, body) {
    return { answer: await client.chat.completions.create(body) };
  },

  async chat_raw(client, body) {
    const { data, response } = await client.chat.completions.create(body).withResponse();
    return { status: response.status, headers: plainHeaders(response.headers), answer: data };
  },

  async chat_stream(client, body) {
    const { data, response } = await client.chat.completions.create({ ...body, stream: true }).withResponse();
    const started = performance.now();
    const chunks = [];
    let first = 0;
    for await (const chunk of data) {
      first ||= performance.now() - started;
      chunks.push(chunk);
    }
    return { headers: plainHeaders(response.headers), first_s: first / 1000, ...putTogether(chunks) };
  },

  async chat_parsed(client, body) {
    const schema = {
      type: "object",
      properties: { city: { type: "string" }, n: { type: "integer" } },
      required: ["city", "n"],
      additionalProperties: false,
    };
    const response_format = { type: "json_schema", json_schema: { name: "Place", strict: true, schema } };
    const answer = await client.chat.completions.create({ ...body, response_format });
    return { parsed: JSON.parse(answer.choices[0].message.content) };
  },

  async left_stream(client, { after, ...body }) {
    const stream = await client.chat.completions.create({ ...body, stream: true });
    let seen = 0;
    for await (const _ of stream) {
      seen += 1;
      if (seen === after) break;
    }
    stream.controller.abort();
    return { seen };
  },

  async broken_stream(client, body) {
    let text = "";
    try {
      for await (const chunk of await client.chat.completions.create({ ...body, stream: true })) {
        text += chunk.choices.map((choice) => choice.delta?.content ?? "").join("");
      }
    } catch (error) {
      return { text, raised: facts(error) };
    }
    return { text, raised: null };
  },

  async completion(client, body) {
    const answer = await client.completions.create(body);
    if (!body.stream) return { text: answer.choices[0].text, usage: answer.usage };
    const pieces = [];
    for await (const chunk of answer) pieces.push(...chunk.choices.map((choice) => choice.text));
    return { text: pieces.join(""), pieces: pieces.length };
  },

  async embeddings(client, body) {
    const answer = await client.embeddings.create(body);
    return { vectors: answer.data.map((item) => item.embedding), usage: answer.usage };
  },

  async models(client) {
    const ids = [];
    for await (const model of client.models.list()) ids.push(model.id);
    return { ids };
  },

  async responses(client, body) {
    const answer = await client.responses.create(body);
    if (!body.stream) return { id: answer.id, text: answer.output_text, status: answer.status, usage: answer.usage };
    const kinds = [];
    let text = "";
    for await (const event of answer) {
      kinds.push(event.type);
      if (event.type === "response.output_text.delta") text += event.delta;
    }
    return { kinds, text };
  },

  async file_there_and_back(client, { content }) {
    const sent = Buffer.from(content, "base64");
    const file = await client.files.create({ file: await openai.toFile(sent, "sample.bin"), purpose: "user_data" });
    const listed = [];
    for await (const item of client.files.list()) listed.push(item.id);
    const read = Buffer.from(await (await client.files.content(file.id)).arrayBuffer());
    const gone = await client.files.delete(file.id);
    return { bytes: file.bytes, listed: listed.includes(file.id), same: read.equals(sent), deleted: gone.deleted };
  },
};

async function act(order) {
  const { base_url, api_key, timeout, max_retries } = order.client;
  const options = { baseURL: base_url, apiKey: api_key };
  if (timeout !== undefined) options.timeout = timeout * 1000;
  if (max_retries !== undefined) options.maxRetries = max_retries;
  const client = new openai.default(options);
  try {
    return { result: await scenarios[order.scenario](client, order.with) };
  } catch (error) {
    if (error instanceof openai.OpenAIError) return { error: facts(error) };
    throw error;
  }
}

console.log(JSON.stringify({ version }));
for await (const line of createInterface({ input: process.stdin })) {
  console.log(JSON.stringify(await act(JSON.parse(line))));
}
